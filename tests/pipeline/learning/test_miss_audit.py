"""The audit: how much is missed, told from uniformly sampled labels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.audit import MissRate, Sample, audit_miss_rate
from pipeline.learning.thresholds import miss_bound

rows = st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from([0.1, 0.5, 1.0]))


def sample_of(*videos: tuple[float, bool, float]) -> Sample:
    """Return a sample of (score, is positive, probability) rows."""
    scores, is_positive, probabilities = zip(*videos, strict=True)
    return Sample(np.array(scores), np.array(is_positive), np.array(probabilities))


def audit(sample: Sample, threshold: float = 0.5, confidence: float = 0.95) -> MissRate:
    rng = np.random.default_rng(0)
    return audit_miss_rate(sample, threshold=threshold, confidence=confidence, rng=rng)


@given(st.lists(rows, min_size=1, max_size=30), st.floats(0, 1))
def test_the_rate_is_that_of_a_library_in_which_each_label_stands_for_its_like(
    videos: list[tuple[float, bool, float]], threshold: float
) -> None:
    found = audit(sample_of(*videos), threshold)

    library = [one for one in videos for _ in range(round(1 / one[2]))]
    positives = [score for score, is_positive, _ in library if is_positive]
    if positives:
        missed = sum(score < threshold for score in positives)
        assert found.rate == pytest.approx(missed / len(positives))
        assert 0 <= found.low <= found.rate <= found.high <= 1
    else:
        assert math.isnan(found.rate)
        assert (found.low, found.high) == (0, 1)


def test_what_is_drawn_rarely_counts_for_more() -> None:
    """One miss among what passes, of which a tenth is drawn, stands for ten."""
    found = audit(sample_of((0.1, True, 0.1), *[(0.9, True, 1.0)] * 10))

    assert (found.rate, found.missed, found.positives) == (0.5, 1, 11)


def test_exactly_at_the_threshold_is_no_miss() -> None:
    assert audit(sample_of((0.5, True, 1.0))).rate == 0


def test_where_nothing_was_missed_the_interval_is_not_empty() -> None:
    found = audit(sample_of(*[(0.9, True, 1.0)] * 50, (0.1, False, 1.0)))

    assert (found.rate, found.low) == (0, 0)
    assert found.high == pytest.approx(miss_bound(0, 50, confidence=0.975))


def test_the_interval_is_that_of_drawing_whole_videos_again() -> None:
    """Against the bootstrap written out."""
    rng = np.random.default_rng(1)
    scores, is_positive = rng.random(300), rng.random(300) < 0.3
    probabilities = np.where(scores < 0.5, 0.2, 1.0)
    found = audit(Sample(scores, is_positive, probabilities))

    rates = []
    for _ in range(4_000):
        drawn = rng.integers(0, 300, 300)
        weights = is_positive[drawn] / probabilities[drawn]
        rates.append(weights[scores[drawn] < 0.5].sum() / weights.sum())
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(rates, [0.025, 0.975]), atol=0.015
    )


def test_more_labels_give_a_narrower_interval() -> None:
    few = [(0.1, True, 1.0), *[(0.9, True, 1.0)] * 9, *[(0.1, False, 1.0)] * 10]
    narrow, wide = audit(sample_of(*few * 50)), audit(sample_of(*few))

    assert narrow.high - narrow.low < (wide.high - wide.low) / 3


@pytest.mark.parametrize(
    ("video", "match"),
    [
        ((np.nan, True, 1.0), "without NaN"),
        ((0.5, True, 0.0), "probabilities"),
        ((0.5, True, 1.1), "probabilities"),
        ((0.5, True, np.nan), "probabilities"),
    ],
)
def test_what_is_refused(video: tuple[float, bool, float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        sample_of(video)
