"""What only a machine with a CUDA device can show; run by `make cuda`."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import find_model
from pipeline.scoring.session import open_scorer

FP16_ERROR = 0.01  # of a score; half precision keeps three digits


@pytest.mark.parametrize(
    ("precision", "allowed"), [(Precision.FP32, 1e-3), (Precision.FP16, FP16_ERROR)]
)
@pytest.mark.parametrize("device", [Device.AUTO, Device.CUDA])
@pytest.mark.parametrize("model", ["open-nsfw", "efficientnet-lite0"])
def test_cuda_scores_as_the_cpu_does(
    model: str, device: Device, precision: Precision, allowed: float, tmp_path: Path
) -> None:
    manifest = find_model(model, cache=tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)
    options = {"device_id": 0, "threads": 1}
    cpu = open_scorer(manifest, device=Device.CPU, precision=Precision.FP32, **options)

    cuda = open_scorer(manifest, device=device, precision=precision, **options)

    assert cuda.facts.providers[0] == "CUDAExecutionProvider"
    np.testing.assert_allclose(cuda.score(pixels).scores, cpu.score(pixels).scores, atol=allowed)
