"""EfficientNet-Lite0 as an ONNX network: a tagger of ImageNet-1k and a general feature extractor.

The network is that of Google's EfficientNet-Lite (``efficientnet/lite`` in ``tensorflow/tpu``):
a stem, seven stages of inverted residual blocks without squeeze and excitation, a head, relu6
throughout. Batch norm is folded into the convolutions, the input's (x - 127) / 128 partly too.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE_PX = 224
MEAN = 127.0
SCALE = 128.0
FEATURES = 1280
LABELS = 1000
BATCH_NORM_EPSILON = 1e-3
OPSET = 17
IR_VERSION = 8  # as old as the opset, so that older runtimes read it too


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks that follow one another; the first of them has the stride, the others 1."""

    blocks: int
    kernel: int
    stride: int
    is_expanded: bool  # whether a block first widens its channels


STAGES = (
    Stage(1, 3, 1, is_expanded=False),
    Stage(2, 3, 2, is_expanded=True),
    Stage(2, 5, 2, is_expanded=True),
    Stage(3, 3, 2, is_expanded=True),
    Stage(3, 5, 1, is_expanded=True),
    Stage(4, 5, 2, is_expanded=True),
    Stage(1, 3, 1, is_expanded=True),
)


def build_efficientnet(tensors: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Return the network with these weights, which go by the names of its torch port.

    It takes ``pixels``, uint8 N x 224 x 224 x 3 RGB, and gives ``scores`` (N x 1000, after
    softmax), ``features`` (N x 1280, pooled), ``feature_map`` (N x 1280 x 7 x 7) and ``logits``
    (N x 1000, before softmax).

    Raises:
        KeyError: if a tensor is missing.
    """
    scaled_stem = tensors["_conv_stem.weight"] / SCALE
    builder = _Builder({**tensors, "_conv_stem.weight": scaled_stem})
    x = builder.add_convolution(builder.add_input(), "_conv_stem", "_bn0", stride=2)
    x = builder.add_relu6(x)
    prefixes = (f"_blocks.{index}." for index in itertools.count())
    for stage in STAGES:
        x = builder.add_block(x, next(prefixes), stage, stride=stage.stride)
        for _ in range(stage.blocks - 1):
            x = builder.add_sum(x, builder.add_block(x, next(prefixes), stage, stride=1))
    x = builder.add_convolution(x, "_conv_head", "_bn1")
    builder.add_head(builder.add_relu6(x, output="feature_map"))
    return builder.build()


@dataclass(slots=True)
class _Builder:
    """Collects the nodes and weights of the network, front to back.

    `side_px` is the side of the square that the nodes so far give.
    """

    tensors: Mapping[str, NDArray[Any]]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, onnx.TensorProto] = field(default_factory=dict)
    side_px: int = SIDE_PX

    def add_input(self) -> str:
        """Add the way from bytes to centred floats; the mean cannot go into the stem.

        The stem pads with 0, which must stay the centred 0 and not the byte 0.
        """
        self._add("Transpose", "pixels", output="planes", perm=[0, 3, 1, 2])
        self._add("Cast", "planes", output="levels", to=TensorProto.FLOAT)
        return self._add("Sub", "levels", self._weight("mean", np.float32(MEAN)), output="centred")

    def add_convolution(self, x: str, conv: str, norm: str, *, stride: int = 1) -> str:
        """Add a convolution with its batch norm folded into it, padded with 0."""
        kernel, bias = self._fold(conv, norm)
        side = kernel.shape[-1]
        before, after = self._same_padding(side, stride)
        self.side_px = math.ceil(self.side_px / stride)
        return self._add(
            "Conv",
            x,
            self._weight(f"{conv}.kernel", kernel),
            self._weight(f"{conv}.bias", bias),
            output=f"{conv}.output",
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=len(kernel) if kernel.shape[1] == 1 else 1,  # one input channel each: depthwise,
        )

    def add_relu6(self, x: str, output: str = "") -> str:
        """Add a clip to 0 to 6."""
        bounds = [self._weight("zero", np.float32(0)), self._weight("six", np.float32(6))]
        return self._add("Clip", x, *bounds, output=output or f"{x}.relu6")

    def add_block(self, x: str, prefix: str, stage: Stage, *, stride: int) -> str:
        """Add an inverted residual block up to its sum: widen, filter each channel, narrow."""
        y = x
        if stage.is_expanded:
            y = self.add_convolution(y, f"{prefix}_expand_conv", f"{prefix}_bn0")
            y = self.add_relu6(y)
        depthwise = f"{prefix}_depthwise_conv"
        y = self.add_convolution(y, depthwise, f"{prefix}_bn1", stride=stride)
        y = self.add_relu6(y)
        return self.add_convolution(y, f"{prefix}_project_conv", f"{prefix}_bn2")

    def add_sum(self, x: str, y: str) -> str:
        """Add the sum of a block's input and output."""
        return self._add("Add", x, y, output=f"{y}.sum")

    def add_head(self, x: str) -> None:
        """Add the mean over the map, the linear layer and the softmax."""
        self._add("GlobalAveragePool", x, output="pooled")
        self._add("Flatten", "pooled", output="features")
        layer = [
            self._weight(name, self.tensors[name].astype(np.float32))
            for name in ("_fc.weight", "_fc.bias")
        ]
        self._add("Gemm", "features", *layer, output="logits", transB=1)
        self._add("Softmax", "logits", output="scores", axis=1)

    def build(self) -> onnx.ModelProto:
        """Return the network, checked."""
        side, float_ = self.side_px, TensorProto.FLOAT
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "efficientnet-lite0",
            [value("pixels", TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])],
            [
                value("scores", float_, ["N", LABELS]),
                value("features", float_, ["N", FEATURES]),
                value("feature_map", float_, ["N", FEATURES, side, side]),
                value("logits", float_, ["N", LABELS]),
            ],
            list(self.weights.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _fold(self, conv: str, norm: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return kernel and bias of a convolution with its batch norm, in double precision."""
        gain, shift, mean, variance = (
            self.tensors[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
        return self.tensors[f"{conv}.weight"] * gain[:, None, None, None], shift - mean * gain

    def _same_padding(self, kernel: int, stride: int) -> tuple[int, int]:
        """Return the padding before and after: TensorFlow's SAME, the odd one after."""
        steps = math.ceil(self.side_px / stride) - 1
        padding = max(steps * stride + kernel - self.side_px, 0)
        return padding // 2, padding - padding // 2

    def _weight(self, name: str, values: Any) -> str:
        array = np.asarray(values, dtype=np.float32)
        self.weights[name] = numpy_helper.from_array(array, name)
        return name

    def _add(self, op_type: str, *inputs: str, output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))
        return output
