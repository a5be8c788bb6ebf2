"""Networks in half precision: float16 inside, the same inputs and outputs outside."""

import sys

import onnx


def convert_to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network with its weights and arithmetic in float16, its ports as they were."""
    path = list(sys.path)
    # Its package appends itself to the search path, where its modules would shadow no end of names.
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    sys.path[:] = path
    half: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return half
