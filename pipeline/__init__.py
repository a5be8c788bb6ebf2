"""The library: a video in, a timeline, a verdict and pictures out. No broker, database or web."""

import os

# From 1.29 on ONNX Runtime reports to its maker unless it is told not to before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
