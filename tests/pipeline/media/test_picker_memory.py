"""What the picker remembers of earlier pictures, and how much of a picture must change."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.media.decode import Picture
from pipeline.media.picker import ChangeDetector
from pipeline.records import Change
from tests.pipeline.media.media_parts import picture

Signature = NDArray[np.uint8]


def grey(level: int = 100) -> Signature:
    return np.full((36, 64, 3), level, dtype=np.uint8)


def with_patch(rows: int, columns: int, *, channel: int) -> Signature:
    """Grey with another level in the corner of one channel."""
    cells = grey()
    cells[:rows, :columns, channel] = 200
    return cells


def changes(shown: Sequence[tuple[int, Signature]]) -> list[int]:
    """When something is seen to change, given (timestamp_ms, signature) in order."""
    by_time = dict(shown)

    def eyes(seen: Picture) -> Signature:
        return by_time[seen.timestamp_ms]

    detector = ChangeDetector(eyes)
    return [t for t in by_time if detector.see(picture(t)) is not Change.NONE]


def levels(*steps: int) -> list[tuple[int, Signature]]:
    """Pictures every 50 ms, each as many levels from the one before, up and down in turn."""
    level, shown = 100, [(0, grey())]
    for i, step in enumerate(steps):
        level += step if level < 128 else -step
        shown.append((50 * (i + 1), grey(level)))
    return shown


@pytest.mark.parametrize("channel", [0, 1, 2], ids=["luma", "blue", "red"])
@pytest.mark.parametrize(
    ("rows", "columns", "seen"),
    [
        pytest.param(10, 12, [50], id="a-twentieth"),
        pytest.param(3, 4, [], id="a-two-hundredth"),
    ],
)
def test_how_much_must_change(rows: int, columns: int, seen: list[int], channel: int) -> None:
    assert changes([(0, grey()), (50, with_patch(rows, columns, channel=channel))]) == seen


@pytest.mark.parametrize(("gap_ms", "seen"), [(250, [250]), (251, [])])
def test_how_far_apart_pictures_are_compared(gap_ms: int, seen: list[int]) -> None:
    assert changes([(0, grey()), (gap_ms, grey(200))]) == seen


@pytest.mark.parametrize(
    ("calm", "is_forgotten"), [(5, False), (6, True)], ids=["eight-pictures-ago", "nine"]
)
def test_a_shake_is_remembered_for_eight_pictures(
    calm: int,
    is_forgotten: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Three steps of 50 levels: a step of 60 soon after them is nothing new."""
    shown = levels(50, 50, 50, *[0] * calm, 60)

    assert (shown[-1][0] in changes(shown)) is is_forgotten


def test_motion_before_a_gap_says_nothing_of_what_comes_after_it() -> None:
    before = levels(*[30] * 10)
    after = [(t + 1_000, cells) for t, cells in levels(0, 0, 0, 0, 40)]

    assert changes([*before, *after])[-1] == 1_250
