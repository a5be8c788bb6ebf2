"""Parts: every group of pictures belongs to one chunk, and nothing lies between two."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.part import Part, part_within, plan_part
from pipeline.media.plan import Plan, Run, find_gops, plan_first_look
from pipeline.probed import PacketIndex
from pipeline.records import Examination, Span
from tests.pipeline.media.media_parts import gop, index_of

THREE = index_of(
    *gop(0, 9, *[5] * 19), *gop(1_000, 9, *[5] * 19), *gop(2_000, 9, *[5] * 19), end_ms=3_000
)
DURATION_MS = 3_000
# Frames 3 and 4 are shown before the keyframe that they follow.
OPEN = index_of(
    (0, 9, True), (50, 5, False), (200, 9, True), (100, 5, False), (150, 5, False),
    (250, 5, False), end_ms=300,
)  # fmt: skip


def plan(index: PacketIndex) -> Plan:
    return plan_first_look(index, max_gap_ms=1_000, examination=Examination.PICTURES)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param(Span(0, 3_000), Part(0, 60, 60), id="the-whole"),
        pytest.param(Span(0, 1_000), Part(0, 20, 21), id="to-a-keyframe-which-it-decodes-too"),
        pytest.param(Span(1_000, 2_000), Part(20, 40, 41), id="from-a-keyframe"),
        pytest.param(Span(999, 1_001), Part(20, 40, 41), id="all-of-a-group-that-begins-in-it"),
        pytest.param(Span(1_001, 1_999), Part(40, 40, 40), id="where-none-begins"),
        pytest.param(Span(2_000, 3_000), Part(40, 60, 60), id="the-last"),
    ],
)
def test_a_part_is_the_groups_that_begin_within_the_span(span: Span, expected: Part) -> None:
    assert part_within(THREE, span, duration_ms=DURATION_MS) == expected


def test_what_is_shown_before_the_next_keyframe_belongs_to_the_part_before_it() -> None:
    part = part_within(OPEN, Span(0, 200), duration_ms=300)

    assert part == Part(0, 2, 5)
    assert plan_part(plan(OPEN), OPEN, part).runs == (Run(0, 5),)


def test_a_keyframe_that_goes_back_counts_as_shown_with_the_latest_before_it() -> None:
    index = index_of(*((t, 9, True) for t in (0, 20, 10, 5, 25)), end_ms=30)

    parts = [part_within(index, span, duration_ms=30) for span in (Span(0, 15), Span(15, 30))]

    assert [(part.first, part.stop) for part in parts] == [(0, 1), (1, 5)]


def test_a_stream_that_begins_late_belongs_to_the_chunk_in_which_it_does() -> None:
    late = index_of(*gop(1_500, 9, *[5] * 9), end_ms=2_000)

    parts = [
        part_within(late, span, duration_ms=3_000) for span in (Span(0, 1_000), Span(1_000, 3_000))
    ]

    assert parts == [Part(0, 0, 0), Part(0, 10, 10)]


@given(
    starts=st.lists(st.integers(-9, 40), min_size=1, max_size=8),
    cuts=st.sets(st.integers(1, 29)),
    is_sorted=st.booleans(),
)
def test_parts_of_adjacent_spans_are_adjacent_and_cover_the_stream(
    starts: list[int],
    cuts: set[int],
    is_sorted: bool,  # noqa: FBT001 - a draw
) -> None:
    """Be its timestamps as broken as they may."""
    keys = sorted(starts) if is_sorted else starts
    index = index_of(*((start + i, 9, i == 0) for start in keys for i in range(3)), end_ms=30)
    spans = [Span(a, b) for a, b in pairwise([0, *sorted(cuts), 30])]

    parts = [part_within(index, span, duration_ms=30) for span in spans]

    taken = [packet for part in parts for packet in range(part.first, part.stop)]
    assert taken == list(range(len(index.pts)))
    if is_sorted:
        for start_ms, number in zip(keys, range(0, len(taken), 3), strict=True):
            inside = [part.first <= number < part.stop for part in parts]
            clipped_ms = min(max(start_ms, 0), 29)
            assert inside == [span.start_ms <= clipped_ms < span.end_ms for span in spans]


def test_the_plan_of_the_whole_stream_is_the_plan() -> None:
    whole = part_within(THREE, Span(0, 3_000), duration_ms=3_000)

    assert plan_part(plan(THREE), THREE, whole) == plan(THREE)


def test_the_next_keyframe_is_decoded_even_if_the_plan_passes_it_over() -> None:
    """Keyframes 50 ms apart: every fifth is enough, but a chunk ends with one."""
    index = index_of(*((50 * i, 9, True) for i in range(20)), end_ms=1_000)
    part = part_within(index, Span(0, 400), duration_ms=1_000)

    runs = plan_part(plan(index), index, part).runs

    assert runs[-1] == Run(8, 9)
    assert not any(run.first <= 8 < run.stop for run in plan(index).runs)


def test_quiet_groups_are_examined_by_the_chunk_that_they_begin_in() -> None:
    index = index_of(*gop(0, 900, *[1] * 19), *gop(1_000, 900, *[1] * 19), end_ms=2_000)
    spans = (Span(0, 1_000), Span(1_000, 2_000))

    parts = [part_within(index, span, duration_ms=2_000) for span in spans]

    assert [plan_part(plan(index), index, part).quiet for part in parts] == [
        (Span(0, 1_000),),
        (Span(1_000, 2_000),),
    ]


@given(cuts=st.sets(st.sampled_from([1_000, 2_000])))
def test_parts_decode_together_what_the_whole_does(cuts: set[int]) -> None:
    spans = [Span(a, b) for a, b in pairwise([0, *sorted(cuts), 3_000])]
    parts = [part_within(THREE, span, duration_ms=3_000) for span in spans]

    def packets(of: Plan) -> set[int]:
        return {packet for run in of.runs for packet in range(run.first, run.stop)}

    together = [packets(plan_part(plan(THREE), THREE, part)) for part in parts]

    assert set().union(*together) == packets(plan(THREE))
    assert len(find_gops(THREE, THREE.all_ms())) == 3
    assert sum(map(len, together)) == 60 + len(cuts)  # but the keyframes between them twice
    assert np.all(THREE.is_key[[part.first for part in parts]])
