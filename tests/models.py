"""Small real ONNX models for the tests: what they answer is known arithmetic."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Constant = float | list[float] | list[list[float]]

COLOUR_SIDE_PX = 96
OPSET = 17
IR_VERSION = 10  # of the same age as the opset: older ONNX Runtimes read it too
# A pixel is magenta by how far red and blue both stand above green, in levels of 255: from 0 at
# 90 to 1 at 130. What a lossy codec leaves of (255, 0, 255) stands far above, photographs below.
MAGENTA_FROM = 90.0
MAGENTA_RAMP = 40.0
# The score is logistic in the share of magenta pixels: 0.04 at none, 0.5 at 7 %, 0.97 at 15 %.
MAGENTA_GAIN = 45.0
MAGENTA_MIDDLE = 0.07

COLOUR_MANIFEST = """\
id = "colour"
version = "1"
sha256 = "SHA256"
licence = "Apache-2.0"
onnx = "colour.onnx"
labels = ["other", "magenta"]
exclusivity = "softmax"
categories = ["magenta"]

[input]
name = "pixels"
dtype = "uint8"
layout = "nhwc"
channels = "rgb"
mean = [0.0, 0.0, 0.0]
scale = [1.0, 1.0, 1.0]
geometry = { width_px = 96, height_px = 96, resize_px = 96, fit = "stretch" }

[outputs]
scores = "scores"
scores_are = "probabilities"
features = "features"
feature_map = "feature_map"
logits = "logits"
"""


def write_colour_model(folder: Path) -> Path:
    """Write a classifier that knows one colour, and return the path of its model.toml.

    Its score for the label "magenta" rises with the share of pixels near (255, 0, 255): at most
    0.1 where there are none, at least 0.9 where there are 15 %. Its features are that share, its
    feature map says how magenta each pixel is.
    """
    path = folder / "colour.onnx"
    path.write_bytes(colour_model().SerializeToString())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = folder / "model.toml"
    manifest.write_text(COLOUR_MANIFEST.replace("SHA256", sha256), encoding="utf-8")
    return manifest


def colour_model() -> onnx.ModelProto:
    """Return the network of the classifier that knows one colour."""
    side = COLOUR_SIDE_PX
    nodes = [
        helper.make_node("Cast", ["pixels"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["levels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Split", ["planes"], ["red", "green", "blue"], axis=1),
        helper.make_node("Min", ["red", "blue"], ["lower"]),
        helper.make_node("Sub", ["lower", "green"], ["height"]),
        helper.make_node("Sub", ["height", "from"], ["above"]),
        helper.make_node("Div", ["above", "ramp"], ["slope"]),
        helper.make_node("Clip", ["slope", "zero", "one"], ["feature_map"]),
        helper.make_node("GlobalAveragePool", ["feature_map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "gain", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    constants: dict[str, Constant] = {
        "from": MAGENTA_FROM,
        "ramp": MAGENTA_RAMP,
        "zero": 0.0,
        "one": 1.0,
        "gain": [[0.0, MAGENTA_GAIN]],
        "bias": [0.0, -MAGENTA_GAIN * MAGENTA_MIDDLE],
    }
    return build_model(
        nodes,
        constants,
        inputs=[
            helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", side, side, 3]),
        ],
        outputs=[
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("feature_map", TensorProto.FLOAT, ["N", 1, side, side]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2]),
        ],
    )


def build_model(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Constant],
    *,
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """Return a checked network of these nodes, its constants being float32."""
    initializers = [
        numpy_helper.from_array(np.array(value, dtype=np.float32), name)
        for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "test", inputs, outputs, initializers)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model
