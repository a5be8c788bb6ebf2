"""One model for many threads: everybody gets the answer to their own question."""

import hashlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import ModelError
from pipeline.records import ModelOutputs
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.manifest import read_manifest
from pipeline.scoring.merging import MergingScorer
from pipeline.scoring.session import Scorer, open_scorer
from tests.models import COLOUR_MANIFEST, COLOUR_SIDE_PX, build_model
from tests.scanning import colour_scorer

THREADS = 16


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    return colour_scorer(tmp_path)


@pytest.fixture
def merging(scorer: Scorer) -> Iterator[MergingScorer]:
    made = MergingScorer(scorer)
    yield made
    made.close()


def frames(scorer: Scorer, n: int, seed: int) -> np.ndarray:
    geometry = scorer.manifest.input.geometry
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (n, geometry.height_px, geometry.width_px, 3), np.uint8)


def open_liar(folder: Path) -> Scorer:
    """Return a model that calls a level of brightness, over 100, a probability."""
    side = COLOUR_SIDE_PX
    nodes = [
        helper.make_node("Cast", ["pixels"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["levels"], ["peak"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Div", ["peak", "full"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "last"], ["scores"]),
    ]
    last = helper.make_node("Constant", [], ["last"], value=numpy_helper.from_array(np.array([1])))
    network = build_model(
        [last, *nodes],
        {"full": 100.0},
        inputs=[helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", side, side, 3])],
        outputs=[helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 1])],
    ).SerializeToString()
    (folder / "colour.onnx").write_bytes(network)
    text = COLOUR_MANIFEST.replace("SHA256", hashlib.sha256(network).hexdigest())
    text = text.replace('["other", "magenta"]', '["magenta"]').replace("softmax", "sigmoid")
    text = re.sub(r"(?m)^(features|feature_map|logits) = .*$", "", text)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return open_scorer(
        read_manifest(folder / "model.toml"),
        device=Device.CPU, device_id=0, precision=Precision.FP32, threads=1,
    )  # fmt: skip


def test_many_threads_get_the_answers_to_their_own_questions(
    scorer: Scorer, merging: MergingScorer
) -> None:
    asked = [frames(scorer, 1 + seed % 3, seed) for seed in range(THREADS)]
    alone = [scorer.score(pixels) for pixels in asked]
    start = threading.Barrier(THREADS)

    def ask(i: int) -> ModelOutputs:
        start.wait()
        return merging.score(asked[i])

    with ThreadPoolExecutor(THREADS) as threads:
        together = list(threads.map(ask, range(THREADS)))

    for own, shared in zip(alone, together, strict=True):
        np.testing.assert_allclose(shared.scores, own.scores, atol=1e-6)
        np.testing.assert_allclose(shared.features, own.features, atol=1e-6)
        np.testing.assert_allclose(shared.logits, own.logits, atol=1e-4)
    assert merging.frames == sum(len(pixels) for pixels in asked)
    assert merging.batches < THREADS


def test_no_batch_is_larger_than_the_device_takes(scorer: Scorer, merging: MergingScorer) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda i: merging.score(frames(scorer, 2, i)), range(THREADS)))

    assert merging.frames / merging.batches <= scorer.batch_frames


def test_one_that_asks_alone_is_answered(scorer: Scorer, merging: MergingScorer) -> None:
    pixels = frames(scorer, scorer.batch_frames + 3, 1)  # more than a batch, in one question

    assert len(merging.score(pixels).scores) == len(pixels)


def test_a_wrong_question_is_told_to_its_asker_alone(
    scorer: Scorer, merging: MergingScorer
) -> None:
    with pytest.raises(ValueError, match="pixels must be"):
        merging.score(np.zeros((1, 2, 2, 3), np.uint8))

    assert len(merging.score(frames(scorer, 1, 1)).scores) == 1


def test_a_model_that_fails_is_told_to_who_asked_and_goes_on(
    scorer: Scorer, tmp_path: Path
) -> None:
    broken = MergingScorer(open_liar(tmp_path))
    dark, bright = frames(scorer, 1, 1) // 8, frames(scorer, 1, 1)
    try:
        with pytest.raises(ModelError, match="no numbers from 0 to 1"):
            broken.score(bright)
        assert len(broken.score(dark).scores) == 1
    finally:
        broken.close()


def test_a_closed_scorer_answers_what_was_asked_and_nothing_more(scorer: Scorer) -> None:
    merging = MergingScorer(scorer)
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(merging.score, frames(scorer, 1, i)) for i in range(4)]
        for answer in answers:
            assert len(answer.result().scores) == 1
    merging.close()

    with pytest.raises(ValueError, match="closed"):
        merging.score(frames(scorer, 1, 1))
