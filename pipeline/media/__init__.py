"""A file becomes frames: PyAV decodes, OpenCV measures."""
