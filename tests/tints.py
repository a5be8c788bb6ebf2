"""A model that knows nothing but the tint of a picture, for tests of what is strange to it."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from tests.films import PHOTOS, Pixels, photo
from tests.models import COLOUR_MANIFEST, COLOUR_SIDE_PX, build_model

CROPS = 44  # more than the 38 files that a false-alarm rate of 5 % takes


def write_tint_model(folder: Path) -> Path:
    """Write a model whose features are the means of red, green and blue; return its model.toml.

    It never says "magenta": whatever a video comes to under it, no score is behind it.
    """
    side = COLOUR_SIDE_PX
    nodes = [
        helper.make_node("Cast", ["pixels"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["levels"], ["features"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["features", "nothing", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    network = build_model(
        nodes,
        {"nothing": [[0.0, 0.0]] * 3, "bias": [3.0, -3.0]},
        inputs=[helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", side, side, 3])],
        outputs=[
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
            for name, width in (("scores", 2), ("features", 3), ("logits", 2))
        ],
    ).SerializeToString()
    (folder / "tint.onnx").write_bytes(network)
    text = COLOUR_MANIFEST.replace("SHA256", hashlib.sha256(network).hexdigest())
    text = text.replace('"colour', '"tint').replace('feature_map = "feature_map"\n', "")
    (folder / "tint.toml").write_text(text, encoding="utf-8")
    return folder / "tint.toml"


def crops() -> list[Pixels]:
    """Return parts of the photographs that the films are made of, each in another light."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(CROPS):
        whole = photo(PHOTOS[i % len(PHOTOS)])
        height, width = (round(side * 0.9) for side in whole.shape[:2])
        top, left = (rng.integers(0, side // 10) for side in whole.shape[:2])
        small = cv2.resize(whole[top : top + height, left : left + width], (160, 120))
        light = rng.uniform(0.8, 1.2, 3)  # of three lamps; each photograph under another
        found.append(np.clip(small * light, 0, 255).astype(np.uint8))
    return found


def write_crops(folder: Path) -> Path:
    """Write the parts as files of pictures, and return their folder."""
    folder.mkdir()
    for i, pixels in enumerate(crops()):
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return folder
