"""Pictures and a clip in plain groups, and a small real model that tells them apart."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from pipeline.media.encode import Encoding, write_video
from tests.models import COLOUR_MANIFEST, build_model

SIDE_PX, CELL_PX, CELLS = 96, 12, 8
WIDTH = 3 * CELLS * CELLS


def write_patch_model(folder: Path, *, middle: float = 120.0) -> Path:
    """Write a model whose features are the mean colours of 8 x 8 patches; return its model.toml.

    Models of another *middle*, the level that stands for 0, are other models.
    """
    nodes = [
        helper.make_node("Cast", ["pixels"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["levels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["planes", "middle"], ["centred"]),
        helper.make_node(
            "AveragePool",
            ["centred"],
            ["feature_map"],
            kernel_shape=[CELL_PX, CELL_PX],
            strides=[CELL_PX, CELL_PX],
        ),
        helper.make_node("Flatten", ["feature_map"], ["features"]),
        helper.make_node("ReduceMean", ["features"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["mean", "mean"], ["nothing"]),
        helper.make_node("Concat", ["nothing", "nothing"], ["logits"], axis=1),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    float32 = TensorProto.FLOAT
    network = build_model(
        nodes,
        {"middle": middle},
        inputs=[
            helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])
        ],
        outputs=[
            helper.make_tensor_value_info("scores", float32, ["N", 2]),
            helper.make_tensor_value_info("features", float32, ["N", WIDTH]),
            helper.make_tensor_value_info("feature_map", float32, ["N", 3, CELLS, CELLS]),
        ],
    )
    content = network.SerializeToString()
    (folder / "colour.onnx").write_bytes(content)
    manifest = folder / "patches.toml"
    text = COLOUR_MANIFEST.replace("SHA256", hashlib.sha256(content).hexdigest())
    text = text.replace('id = "colour"', 'id = "patches"').replace('logits = "logits"\n', "")
    manifest.write_text(text, encoding="utf-8")
    return manifest


def pattern(kind: int, variant: int) -> NDArray[np.uint8]:
    """Return a sharp picture: coloured patches that the kind decides, varied and noisy."""
    patches = np.random.default_rng(kind).integers(20, 235, (CELLS, CELLS, 3))
    rng = np.random.default_rng(1_000 * kind + variant)
    patches = patches + rng.integers(-25, 26, patches.shape)
    whole = patches.repeat(20, axis=0).repeat(20, axis=1) + rng.integers(-9, 10, (160, 160, 1))
    return np.asarray(np.clip(whole, 0, 255), dtype=np.uint8)


def write_pictures(folder: Path, kinds: dict[str, int]) -> None:
    """Write PNG files `name00.png` ...; kinds says how many of which."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, (name, count) in enumerate(kinds.items()):
        for variant in range(count):
            Image.fromarray(pattern(kind, variant)).save(folder / f"{name}{variant:02}.png")


def write_clip(path: Path, kind: int, seconds: int) -> None:
    """Write a clip that shows another variant of one kind each second."""

    def frames() -> Iterator[NDArray[np.uint8]]:
        for second in range(seconds):
            yield from [pattern(kind, 100 + second)] * 5

    write_video(path, frames(), Encoding(rate_hz=5, keyframe_interval=5))
