"""The picker: a sample before the gap grows too long, and one where something new is shown."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.media.decode import Picture
from pipeline.media.picker import ChangeDetector, Choice, Picker
from pipeline.records import Change
from tests.pipeline.media.media_parts import picture

Signature = NDArray[np.uint8]


def eyes(shown: dict[int, Signature]) -> Callable[[Picture], Signature]:
    """Eyes that see what a test has set for each moment, and grey where it set nothing."""
    return lambda seen: shown.get(seen.timestamp_ms, grey())


def grey(level: int = 128) -> Signature:
    return np.full((36, 64, 3), level, dtype=np.uint8)


def with_corner(level: int) -> Signature:
    """Grey with a ninth of the picture at another level."""
    cells = grey()
    cells[:12, :21] = level
    return cells


def pick(
    times: list[int],
    shown: dict[int, Signature] | None = None,
    *,
    max_gap_ms: int = 1_000,
    shots: tuple[int, ...] = (),
) -> list[Choice]:
    picker = Picker(max_gap_ms=max_gap_ms, detector=ChangeDetector(eyes(shown or {})))
    choices = [c for t in times for c in picker.offer(picture(t), starts_shot=t in shots)]
    return [*choices, *picker.finish()]


def times_of(choices: list[Choice]) -> list[int]:
    return [choice.picture.timestamp_ms for choice in choices]


@pytest.mark.parametrize(
    ("times", "sampled"),
    [
        pytest.param([], [], id="no-pictures"),
        pytest.param([0], [0], id="one-is-first-and-last"),
        pytest.param([0, 40], [0, 40], id="first-and-last"),
        pytest.param([0, 500, 1_000], [0, 1_000], id="a-gap-of-just-the-maximum-is-allowed"),
        pytest.param([0, 500, 1_001], [0, 500, 1_001], id="a-longer-one-is-not"),
        pytest.param([0, 2_000, 4_000], [0, 2_000, 4_000], id="sparse-keyframes-are-all-sampled"),
    ],
)
def test_times(times: list[int], sampled: list[int]) -> None:
    assert times_of(pick(times)) == sampled


@pytest.mark.parametrize(
    ("shown", "change"),
    [
        pytest.param(grey(200), Change.SHOT, id="all-of-it"),
        pytest.param(with_corner(200), Change.PART, id="a-corner"),
        pytest.param(with_corner(140), None, id="too-faint"),
        pytest.param(grey(), None, id="nothing"),
    ],
)
def test_changes(shown: Signature, change: Change | None) -> None:
    found = [c for c in pick([0, 50, 100, 150], {100: shown, 150: shown}) if c.change]

    assert [(c.picture.timestamp_ms, c.change) for c in found] == (
        [(100, change)] if change else []
    )


def test_motion_is_no_change_but_a_cut_within_it_is() -> None:
    times = list(range(0, 2_000, 50))
    shown = {t: grey(60 + 25 * (t // 50 % 2)) for t in times}
    shown |= {t: grey(220 + 25 * (t // 50 % 2)) for t in times if t >= 1_000}

    assert [c.picture.timestamp_ms for c in pick(times, shown) if c.change] == [50, 250, 1_000]


def test_a_cut_does_not_hide_the_next() -> None:
    times = list(range(0, 2_000, 50))
    shown = {t: grey(250) for t in times if t >= 500} | {t: with_corner(10) for t in (900, 950)}

    changes = {c.picture.timestamp_ms: c.change for c in pick(times, shown) if c.change}

    assert changes[500] is Change.SHOT
    assert 900 in changes


def test_pictures_far_apart_are_not_compared() -> None:
    assert all(c.change is Change.NONE for c in pick([0, 500], {500: grey(0)}))


def test_a_known_shot_is_sampled_but_the_first_picture_starts_none() -> None:
    choices = pick([0, 300, 600], shots=(0, 300))

    assert [(c.picture.timestamp_ms, c.change) for c in choices] == [
        (0, Change.NONE),
        (300, Change.SHOT),
        (600, Change.NONE),
    ]


@given(st.sets(st.integers(0, 20_000), min_size=1, max_size=60), st.integers(1, 5_000))
def test_no_gap_is_longer_than_it_must_be(times: set[int], max_gap_ms: int) -> None:
    ordered = sorted(times)

    sampled = times_of(pick(ordered, max_gap_ms=max_gap_ms))

    assert (sampled[0], sampled[-1]) == (ordered[0], ordered[-1])
    for a, b in pairwise(sampled):
        between = [t for t in ordered if a < t < b]
        assert b - a <= max_gap_ms or not between
