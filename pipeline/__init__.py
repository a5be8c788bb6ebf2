"""The library: a video in, a timeline, a verdict and pictures out. No broker, database or web."""
