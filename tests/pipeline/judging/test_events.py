"""Events: the few moments that a person is shown first."""

import numpy as np
import pytest
from hypothesis import given

from pipeline.judging.events import find_events
from pipeline.records import Event, Policy, Timeline
from tests.pipeline.judging.builders import NAN, policy, rule, timeline, timelines

LONG_MS = 60_000


def times(*lines: Timeline, with_policy: Policy | None = None, limit: int = 8) -> list[int]:
    found = find_events(lines, with_policy or policy(), limit=limit)
    return [event.timestamp_ms for event in found]


def long(*frames: tuple[int, float], stream: int = 0) -> Timeline:
    return timeline(*frames, duration_ms=LONG_MS, stream=stream)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], [], id="no-frames"),
        pytest.param([(0, NAN)], [], id="no-good-frames"),
        pytest.param([(0, 0.1), (5_000, 0.2)], [5_000, 0], id="a-pass-shows-its-highest"),
        pytest.param([(0, 0.1), (4_999, 0.2)], [4_999], id="closer-than-5-s-are-one"),
        pytest.param([(0, 0.2), (5_000, 0.2)], [0, 5_000], id="of-equal-ones-the-earlier-first"),
        pytest.param(
            [(0, 0.9), (5_000, 0.1), (10_000, 0.6), (11_000, 0.6), (12_000, 0.6)],
            [10_000, 0, 5_000],
            id="a-confirmed-one-before-a-higher-unconfirmed",
        ),
        pytest.param(
            [(t, 0.9) for t in range(0, 20_000, 1_000)] + [(20_000, 0.1), (30_000, 0.2)],
            [0, 5_000, 30_000, 20_000],
            id="a-segment-gives-two",
        ),
    ],
)
def test_events(frames: list[tuple[int, float]], expected: list[int]) -> None:
    assert times(long(*frames)) == expected


def test_in_a_long_video_events_are_further_apart() -> None:
    hours = timeline((0, 0.1), (71_999, 0.2), (144_000, 0.1), duration_ms=3_600_000)

    assert times(hours) == [71_999, 144_000]


def test_there_are_no_more_than_asked_for() -> None:
    assert times(long(*((t, 0.1) for t in range(0, 50_000, 5_000))), limit=3) == [0, 5_000, 10_000]
    assert times(long((0, 0.1)), limit=0) == []


def test_streams_do_not_suppress_each_other() -> None:
    assert times(long((0, 0.1)), long((100, 0.2), stream=1)) == [100, 0]


def test_what_fires_by_itself_comes_first_in_a_strict_category() -> None:
    run = [(10_000, 0.7), (11_000, 0.7), (12_000, 0.7)]
    frames = [(0, 0.6), (6_000, 0.1), *run, (16_000, 0), (20_000, 0.9)]

    assert times(long(*frames)) == [10_000, 20_000, 0]
    assert times(long(*frames), with_policy=policy(rule(is_strict=True)))[0] == 20_000


def test_a_confirmed_event_shows_its_median_another_what_the_model_said() -> None:
    line = long((0, 0.7), (250, 0.9), (500, 0.8), (1_000, 0.1), (10_000, 0.95), (20_000, 0.1))

    found = find_events([line], policy(), limit=8)

    assert found == (
        Event(0, "nudity", 0.8, is_confirmed=True, stream=0),
        Event(10_000, "nudity", 0.95, is_confirmed=False, stream=0),
        Event(20_000, "nudity", 0.1, is_confirmed=False, stream=0),
    )


def test_a_moment_is_shown_by_the_category_that_fires_on_it() -> None:
    """Gore is higher for a moment, but only nudity is borne out."""
    nudity, gore = [0.1, 0.6, 0.6, 0.6, 0.1], [0.1, 0.1, 0.9, 0.1, 0.1]
    base = timeline(*((t, 0.1) for t in range(0, 25_000, 5_000)), duration_ms=LONG_MS)
    line = Timeline(
        ("nudity", "gore"),
        *(0, base.duration_ms, base.timestamps_ms, base.looks, base.gates),
        np.array([nudity, gore], dtype=np.float32).T,
        (),
        (),
    )

    found = find_events([line], policy(rule("nudity"), rule("gore")), limit=2)

    assert [(event.timestamp_ms, event.category) for event in found] == [
        (5_000, "nudity"),
        (10_000, "nudity"),
    ]


@given(timelines())
def test_any_video_with_a_good_frame_has_events_on_good_frames(line: Timeline) -> None:
    values = dict(zip(line.timestamps_ms.tolist(), line.confidences[:, 0].tolist(), strict=True))
    good = {t for t, value in values.items() if value == value}  # noqa: PLR0124 - NaN is not

    found = times(line)

    assert set(found) <= good
    assert bool(found) is bool(good)
