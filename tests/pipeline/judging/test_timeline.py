"""Timelines: the scores of labels become the confidences of categories."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PolicyError
from pipeline.judging.timeline import build_timeline, require_labels
from pipeline.records import Exclusivity, FrameScores, Gate, Span
from tests.pipeline.judging.builders import policy, rule

LABELS = ("sfw", "tabby", "tiger cat")
CATS = policy(rule("cats", labels=("tiger cat", "tabby")), max_gap_ms=1_000)


def scores(rows: list[list[float]], *, gates: list[Gate] | None = None) -> FrameScores:
    """Return the scores of frames one second apart."""
    n = len(rows)
    times = np.arange(n, dtype=np.int64) * 1_000
    return FrameScores(
        labels=LABELS,
        stream=2,
        duration_ms=n * 1_000,
        timestamps_ms=times,
        pts=times,
        looks=np.zeros(n, dtype=np.uint8),
        gates=np.array(gates or [Gate.OK] * n, dtype=np.uint8),
        scores=np.array(rows, dtype=np.float32).reshape(n, len(LABELS)),
        ood=np.full(n, np.nan, dtype=np.float32),
        examined=(),
        cuts_ms=(5,),
    )


@pytest.mark.parametrize(
    ("exclusivity", "expected"),
    [
        pytest.param(Exclusivity.SOFTMAX, 0.7, id="exclusive-labels-add-up"),
        pytest.param(Exclusivity.SIGMOID, 0.5, id="others-count-by-the-highest"),
    ],
)
def test_a_category_is_made_of_its_labels(exclusivity: Exclusivity, expected: float) -> None:
    found = build_timeline(scores([[0.3, 0.5, 0.2]]), CATS, exclusivity)

    np.testing.assert_allclose(found.confidences, [[expected]], rtol=1e-6)


def test_a_sum_never_exceeds_one() -> None:
    found = build_timeline(scores([[0, 0.6, 0.6]]), CATS, Exclusivity.SOFTMAX)

    assert found.confidences.tolist() == [[1.0]]


def test_each_category_has_its_column_in_the_policys_order() -> None:
    two = policy(rule("tigers", labels=("tiger cat",)), rule("safe", labels=("sfw",)))

    found = build_timeline(scores([[0.25, 0.5, 0.125]]), two, Exclusivity.SIGMOID)

    assert found.categories == ("tigers", "safe")
    assert found.confidences.tolist() == [[0.125, 0.25]]


def test_only_good_frames_have_confidences() -> None:
    found = build_timeline(
        scores([[0, 1, 0]] * len(Gate), gates=list(Gate)), CATS, Exclusivity.SIGMOID
    )

    is_nan = np.isnan(found.confidences[:, 0]).tolist()
    assert is_nan == [gate not in {Gate.OK, Gate.FROZEN} for gate in Gate]


def test_only_a_corrupt_frame_does_not_count_as_sampled() -> None:
    gates = [Gate.OK, Gate.BLACK, Gate.OK, Gate.CORRUPT, Gate.OK]

    found = build_timeline(scores([[0, 1, 0]] * 5, gates=gates), CATS, Exclusivity.SIGMOID)

    assert found.uncovered == (Span(2_500, 3_500),)


def test_no_frames_make_an_empty_timeline() -> None:
    found = build_timeline(scores([]), CATS, Exclusivity.SOFTMAX)

    assert found.confidences.shape == (0, 1)
    assert (found.stream, found.cuts_ms) == (2, (5,))


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), max_size=5))
def test_the_sum_is_never_below_the_maximum(rows: list[list[float]]) -> None:
    sums = build_timeline(scores(rows), CATS, Exclusivity.SOFTMAX).confidences
    highest = build_timeline(scores(rows), CATS, Exclusivity.SIGMOID).confidences

    assert np.all(sums >= highest)


def test_every_unknown_label_is_named_at_once() -> None:
    wrong = policy(rule("cats", labels=("tabby", "tabi")), rule("nudity", labels=("nsfw",)))

    with pytest.raises(PolicyError, match=r"rules\.cats: 'tabi', rules\.nudity: 'nsfw'"):
        require_labels(wrong, LABELS)


def test_known_labels_are_not_complained_of() -> None:
    require_labels(CATS, LABELS)
