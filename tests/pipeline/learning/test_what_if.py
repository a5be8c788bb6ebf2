"""What if: which videos would be reviewed under other thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.what_if import WhatIf, compare_thresholds

NAN = float("nan")
scores = st.just(NAN) | st.sampled_from([0.2, 0.5]) | st.floats(0, 1)
videos = st.lists(st.tuples(scores, scores, st.booleans(), st.booleans()), min_size=1, max_size=20)
thresholds = st.tuples(st.sampled_from([0.2, 0.5]) | st.floats(0, 1), st.floats(0, 1))
Rows = list[tuple[float, float, bool, bool]]


def compare(rows: Rows, old: tuple[float, ...], new: tuple[float, ...]) -> WhatIf:
    """Compare videos, each (score, score, is held, is removed)."""
    return compare_thresholds(
        np.array([row[:2] for row in rows], np.float64),
        np.array([row[2] for row in rows], np.bool_),
        np.array([row[3] for row in rows], np.bool_),
        old=np.array(old),
        new=np.array(new),
    )


@given(videos, thresholds, thresholds)
def test_each_video_is_compared_for_itself(
    rows: Rows, old: tuple[float, float], new: tuple[float, float]
) -> None:
    found = compare(rows, old, new)

    def is_reviewed(row: tuple[float, float, bool, bool], limits: tuple[float, float]) -> bool:
        return row[2] or row[0] >= limits[0] or row[1] >= limits[1]

    changes = [(is_reviewed(row, old), is_reviewed(row, new), row[3]) for row in rows]
    assert list(found.added) == [i for i, (a, b, _) in enumerate(changes) if b and not a]
    assert list(found.dropped) == [i for i, (a, b, _) in enumerate(changes) if a and not b]
    assert list(found.known_misses) == [i for i in found.dropped if rows[i][3]]
    assert list(found.known_finds) == [i for i in found.added if rows[i][3]]
    assert found.videos == len(rows)


@given(videos, thresholds, thresholds)
def test_the_way_back_undoes_it(
    rows: Rows, old: tuple[float, float], new: tuple[float, float]
) -> None:
    there, back = compare(rows, old, new), compare(rows, new, old)

    assert (there.added, there.known_finds) == (back.dropped, back.known_misses)
    assert there.more_reviews == -back.more_reviews


@pytest.mark.parametrize(
    ("row", "change"),
    [
        pytest.param((0.3, 0.0, False, False), -1, id="below-the-new-one"),
        pytest.param((0.4, 0.0, False, False), 0, id="exactly-on-the-new-one"),
        pytest.param((0.2, 0.0, False, False), -1, id="exactly-on-the-old-one"),
        pytest.param((0.1, 0.0, False, False), 0, id="below-both"),
        pytest.param((0.3, 0.0, True, False), 0, id="a-doubt-holds-it"),
        pytest.param((0.3, 0.9, False, False), 0, id="another-category-holds-it"),
        pytest.param((NAN, 0.0, False, False), 0, id="not-scored"),
    ],
)
def test_a_higher_threshold(row: tuple[float, float, bool, bool], change: int) -> None:
    assert compare([row], (0.2, 0.5), (0.4, 0.5)).more_reviews == change


def test_hours_are_those_of_the_reviews() -> None:
    found = WhatIf(20_000, (), tuple(range(120)), (0, 1), ())

    assert (found.changed, found.more_reviews) == (120, -120)
    assert found.more_hours(12) == pytest.approx(-0.4)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="old must be"):
        compare([(0.1, 0.2, False, False)], (0.1,), (0.1, 0.2))
