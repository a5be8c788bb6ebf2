"""What the tests of scoring share: models that are made once."""

from pathlib import Path

import pytest

from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import find_model
from pipeline.scoring.contract import Manifest
from pipeline.scoring.session import Scorer, open_scorer


def open_on_cpu(manifest: Manifest, precision: Precision = Precision.FP32) -> Scorer:
    return open_scorer(manifest, device=Device.CPU, device_id=0, precision=precision, threads=1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the built-in models are exported into once a run."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def open_nsfw(cache: Path) -> Scorer:
    return open_on_cpu(find_model("open-nsfw", cache=cache))


@pytest.fixture(scope="session")
def efficientnet(cache: Path) -> Scorer:
    return open_on_cpu(find_model("efficientnet-lite0", cache=cache))
