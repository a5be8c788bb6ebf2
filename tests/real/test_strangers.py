"""A bank of real pictures tells real strangers, by a real model."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.learning.bank import Bank, Method
from pipeline.learning.bank_fit import fit_bank
from pipeline.media.here import DecoderHere
from pipeline.policies.read import find_policy
from pipeline.records import ModelOutputs
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.session import Scorer, open_scorer
from pipeline.sights import see_picture, see_video, to_examples

pytestmark = pytest.mark.real
POLICY = find_policy("cats")
PER_CLASS = 10  # of which a third is held out


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return open_scorer(
        find_model("efficientnet-lite0", cache=default_cache()),
        device=Device.CPU,
        device_id=0,
        precision=Precision.FP32,
        threads=1,
    )


def see(scorer: Scorer, folder: Path, some: slice) -> list[ModelOutputs]:
    paths = sorted(folder.iterdir())[some]
    return [
        see_picture(path, policy=POLICY, scorer=scorer, decoder=DecoderHere()) for path in paths
    ]


def see_clothes(scorer: Scorer, shared: Path, some: slice) -> list[ModelOutputs]:
    folders = sorted((shared / "pictures" / "clothing").iterdir())
    return [one for folder in folders for one in see(scorer, folder, some)]


@pytest.fixture(scope="module")
def bank(scorer: Scorer, shared: Path) -> Bank:
    seen = see_clothes(scorer, shared, slice(PER_CLASS))
    rng = np.random.default_rng(0)
    return fit_bank(to_examples(seen), scorer.facts, method=Method.KNN, false_alarms=0.05, rng=rng)


def strange(bank: Bank, outputs: ModelOutputs) -> float:
    """Return the share of frames that are strangers."""
    scores = bank.familiar.score(outputs.features, outputs.logits)
    return float(np.mean(scores > bank.threshold))


def test_other_pictures_of_the_same_kind_are_familiar(
    bank: Bank, scorer: Scorer, shared: Path
) -> None:
    seen = see_clothes(scorer, shared, slice(36, 40))

    assert np.mean([strange(bank, one) for one in seen if len(one.scores)]) <= 0.15


def test_pictures_through_a_microscope_are_strangers(
    bank: Bank, scorer: Scorer, shared: Path
) -> None:
    seen = see(scorer, shared / "pictures" / "strangers" / "blood-cells", slice(10))

    assert np.mean([strange(bank, one) for one in seen if len(one.scores)]) >= 0.9


@pytest.mark.parametrize("name", ["car-detection", "big-buck-bunny-720p"])
def test_videos_of_something_else_are_strangers(
    name: str, bank: Bank, scorer: Scorer, shared: Path
) -> None:
    seen = see_video(
        shared / "videos" / f"{name}.mp4", policy=POLICY, scorer=scorer, decoder=DecoderHere()
    )

    assert len(seen.scores) >= 5
    assert strange(bank, seen) >= 0.9
