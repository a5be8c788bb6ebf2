"""Frames become scores, features and maps: ONNX models through ONNX Runtime."""
