"""The HTTP API: what people and upload services hand in, look at, and settle."""
