"""Scores become a verdict: pure functions, numpy alone."""
