"""The processes: the command line, and the service."""

import pipeline  # noqa: F401 - keeps ONNX Runtime from reporting, before anybody loads it
