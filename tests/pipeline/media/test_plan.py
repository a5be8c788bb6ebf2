"""The plan: which packets the first look decodes, decided from their times and sizes alone."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.plan import Run, find_gops, find_spikes, is_quiet, plan_first_look
from pipeline.probed import PacketIndex
from pipeline.records import Examination, Span
from tests.pipeline.media.media_parts import gop, index_of

LOUD = [400] * 19  # with the keyframe a second of 50 ms steps
STILL = [10] * 19
KEY = 10_000


def spiky(*at: int) -> list[int]:
    return [5_000 if i in at else 400 for i in range(19)]


def index_of_gops(*gops: list[int]) -> PacketIndex:
    rows = [packet for i, rest in enumerate(gops) for packet in gop(1_000 * i, KEY, *rest)]
    return index_of(*rows, end_ms=1_000 * len(gops))


def runs(index: PacketIndex, examination: Examination, max_gap_ms: int = 1_000) -> tuple[Run, ...]:
    return plan_first_look(index, max_gap_ms=max_gap_ms, examination=examination).runs


@pytest.mark.parametrize(
    ("gops", "examination", "expected"),
    [
        pytest.param(
            [LOUD, LOUD], Examination.PICTURES, [Run(0, 40)], id="pictures-decodes-all-that-is-loud"
        ),
        pytest.param(
            [LOUD, LOUD],
            Examination.PACKETS,
            [Run(0, 1), Run(20, 40)],
            id="packets-decodes-keyframes-and-the-end",
        ),
        pytest.param(
            [STILL, LOUD],
            Examination.PICTURES,
            [Run(0, 1), Run(20, 40)],
            id="quiet-costs-a-keyframe",
        ),
        pytest.param(
            [STILL, STILL], Examination.PICTURES, [Run(0, 1), Run(20, 21)], id="all-quiet"
        ),
        pytest.param(
            [spiky(4, 12), LOUD],
            Examination.PACKETS,
            [Run(0, 14), Run(20, 40)],
            id="what-comes-and-goes-is-decoded-as-far-as-it-goes",
        ),
        pytest.param(
            [spiky(4), LOUD],
            Examination.PACKETS,
            [Run(0, 1), Run(20, 40)],
            id="what-comes-and-stays-is-seen-at-the-next-keyframe",
        ),
    ],
)
def test_runs(gops: list[list[int]], examination: Examination, expected: list[Run]) -> None:
    assert list(runs(index_of_gops(*gops), examination)) == expected


def test_a_long_gop_is_decoded_as_far_as_the_last_sample_that_is_due() -> None:
    rows = [*gop(0, KEY, *[400] * 79), *gop(4_000, KEY, *LOUD)]
    index = index_of(*rows, end_ms=5_000)

    first, _ = runs(index, Examination.PACKETS)

    assert 3_000 <= 50 * (first.stop - 1) <= 3_300
    plan = plan_first_look(index, max_gap_ms=1_000, examination=Examination.PACKETS)
    assert plan.has_fills


def test_keyframes_that_are_closer_than_the_eye_needs_are_skipped() -> None:
    index = index_of(*((40 * i, KEY, True) for i in range(50)), end_ms=2_000)

    times = [40 * run.first for run in runs(index, Examination.PICTURES)]

    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert max(gaps) <= 250
    assert len(times) < 20
    assert runs(index, Examination.PICTURES)[-1].stop == 50


def test_a_keyframe_before_its_time_starts_a_shot() -> None:
    rows = [*gop(0, KEY, *LOUD), *gop(1_000, KEY, *[400] * 5), *gop(1_300, KEY, *LOUD)]
    index = index_of(*rows, end_ms=2_300)

    plan = plan_first_look(index, max_gap_ms=2_000, examination=Examination.PACKETS)

    assert plan.shot_pts == {1_300}


@pytest.mark.parametrize(
    ("rest", "quiet"),
    [
        pytest.param([], True, id="a-keyframe-alone"),
        pytest.param([500, 500, 500, 500, *[100] * 10], True, id="refined-at-first-then-still"),
        pytest.param([501, *[100] * 10], False, id="too-much-at-first"),
        pytest.param([100] * 10 + [101], False, id="too-much-later"),
    ],
)
def test_quiet(rest: list[int], quiet: bool) -> None:  # noqa: FBT001 - a column of the table
    index = index_of(*gop(0, KEY, *rest), end_ms=2_000)
    times_ms = index.all_ms()

    assert is_quiet(index, times_ms, find_gops(index, times_ms)[0]) is quiet


def test_quiet_spans_are_examined() -> None:
    plan = plan_first_look(
        index_of_gops(STILL, LOUD, STILL), max_gap_ms=1_000, examination=Examination.PICTURES
    )

    assert plan.quiet == (Span(0, 1_000), Span(2_000, 3_000))


def test_two_spikes_at_once_are_one() -> None:
    index = index_of_gops(spiky(4, 5, 12))
    times_ms = index.all_ms()

    assert find_spikes(index, times_ms, find_gops(index, times_ms)[0]) == (5, 13)


@given(
    st.lists(st.lists(st.integers(1, 9_000), max_size=30), min_size=1, max_size=8),
    st.sampled_from(Examination),
    st.integers(100, 3_000),
)
def test_any_plan_begins_with_keyframes_and_reaches_every_sample_that_is_due(
    gops: list[list[int]], examination: Examination, max_gap_ms: int
) -> None:
    rows, start_ms = [], 0
    for rest in gops:
        rows += gop(start_ms, KEY, *rest)
        start_ms += 50 * (len(rest) + 1)
    index = index_of(*rows, end_ms=start_ms)

    plan = plan_first_look(index, max_gap_ms=max_gap_ms, examination=examination)

    assert all(index.is_key[run.first] for run in plan.runs)
    assert all(a.stop < b.first for a, b in zip(plan.runs, plan.runs[1:], strict=False))
    known = {50 * i for run in plan.runs for i in range(run.first, run.stop)}
    for span in plan.quiet:
        known |= set(range(span.start_ms, span.end_ms, 50))
    moments = sorted({0, *known, start_ms})
    assert max(b - a for a, b in itertools.pairwise(moments)) <= max(max_gap_ms, 300)
