"""Yahoo's Open NSFW, with a new front and three more outputs.

Its ONNX file takes floats N x 224 x 224 x 3, BGR, the mean already subtracted. The new front takes
bytes in RGB: the order of the channels is folded into the first convolution's kernel. The mean is
not folded, since the convolution pads with 0, which must stay the centred 0 and not the byte 0.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE_PX = 224
MEAN_RGB = (123.0, 117.0, 104.0)
FRONT = "conv_1/Conv2D__7:0"  # channels first, centred: what the given network makes first
KERNEL = "Conv__440_weights_fused_bn"
OUTPUTS = {
    "outputs": "scores",
    "Reshape:0": "features",
    "Relu_48:0": "feature_map",
    "fc_nsfw/BiasAdd:0": "logits",
}
LABELS = 2
FEATURES = 1024
MAP_SIDE = 7


def wrap_open_nsfw(given: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of the given network that takes bytes and gives more.

    It takes ``pixels``, uint8 N x 224 x 224 x 3 RGB, and gives ``scores`` (N x 2, after softmax),
    ``features`` (N x 1024, pooled), ``feature_map`` (N x 1024 x 7 x 7) and ``logits`` (N x 2,
    before softmax).
    """
    model = onnx.ModelProto()
    model.CopyFrom(given)
    graph = model.graph
    _reverse_channels(graph)
    _replace_front(graph)
    _rename_outputs(graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _reverse_channels(graph: onnx.GraphProto) -> None:
    kernel = next(tensor for tensor in graph.initializer if tensor.name == KERNEL)
    reversed_kernel = np.ascontiguousarray(numpy_helper.to_array(kernel)[:, ::-1])
    kernel.CopyFrom(numpy_helper.from_array(reversed_kernel, KERNEL))


def _replace_front(graph: onnx.GraphProto) -> None:
    front = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["levels", "mean"], [FRONT]),
    ]
    rest = [node for node in graph.node if FRONT not in node.output]
    mean = np.array(MEAN_RGB, dtype=np.float32).reshape(1, 3, 1, 1)
    graph.ClearField("node")
    graph.node.extend([*front, *rest])
    graph.initializer.append(numpy_helper.from_array(mean, "mean"))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])
    graph.ClearField("input")
    graph.input.append(pixels)


def _rename_outputs(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [OUTPUTS.get(name, name) for name in names]
    shapes: dict[str, list[str | int]] = {
        "scores": ["N", LABELS],
        "features": ["N", FEATURES],
        "feature_map": ["N", FEATURES, MAP_SIDE, MAP_SIDE],
        "logits": ["N", LABELS],
    }
    graph.ClearField("output")
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
