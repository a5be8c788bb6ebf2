"""The plan at its bounds: quiet, spikes, early keyframes, and the first and the last packets."""

import pytest

from pipeline.media.plan import Run, find_gops, find_spikes, is_quiet, plan_first_look
from pipeline.probed import PacketIndex
from pipeline.records import Examination
from tests.pipeline.media.media_parts import gop, index_of

KEY = 10_000
LOUD = [400] * 19  # with the keyframe a second of 50 ms steps
STILL = [10] * 19


def spikes_of(index: PacketIndex) -> tuple[int, ...]:
    times_ms = index.all_ms()
    return find_spikes(index, times_ms, find_gops(index, times_ms)[0])


@pytest.mark.parametrize(
    ("usual", "size", "found"),
    [
        pytest.param(400, 1_200, True, id="just-enough-of-the-keyframe"),
        pytest.param(400, 1_199, False, id="too-little-of-the-keyframe"),
        pytest.param(4_000, 6_800, True, id="just-enough-above-its-neighbours"),
        pytest.param(4_000, 6_799, False, id="too-little-above-its-neighbours"),
    ],
)
def test_a_spike_stands_out_from_its_neighbours_and_counts_beside_the_keyframe(
    usual: int,
    size: int,
    found: bool,  # noqa: FBT001 - a column of the table
) -> None:
    rest = [usual] * 19
    rest[9] = size

    assert spikes_of(index_of(*gop(0, KEY, *rest), end_ms=1_000)) == ((10,) if found else ())


@pytest.mark.parametrize(
    ("apart", "found"),
    [
        pytest.param(1, (5,), id="50-ms-are-one-cut"),
        pytest.param(2, (5, 7), id="100-ms-are-two"),
    ],
)
def test_spikes_close_to_each_other(apart: int, found: tuple[int, ...]) -> None:
    rest = [5_000 if i in {4, 4 + apart} else 400 for i in range(19)]

    assert spikes_of(index_of(*gop(0, KEY, *rest), end_ms=1_000)) == found


def test_a_spike_is_compared_with_the_fifteen_packets_on_either_side() -> None:
    """Where it has been as loud for a tenth of that time, it is no spike."""
    rest = [400] * 60
    rest[30] = 5_000
    loud_near, loud_far = list(rest), list(rest)
    loud_near[16:20] = [5_000] * 4
    loud_far[6:10] = [5_000] * 4

    assert 31 not in spikes_of(index_of(*gop(0, KEY, *loud_near), end_ms=4_000))
    assert 31 in spikes_of(index_of(*gop(0, KEY, *loud_far), end_ms=4_000))


@pytest.mark.parametrize("rest", [[], [9_999]], ids=["none", "one"])
def test_a_packet_without_neighbours(rest: list[int]) -> None:
    index = index_of(*gop(0, KEY, *rest), end_ms=1_000)

    assert spikes_of(index) == tuple(range(1, len(rest) + 1))


@pytest.mark.parametrize(
    ("refining", "quiet"), [(4, True), (5, False)], ids=["until-200-ms", "at-250-ms"]
)
def test_how_long_a_keyframe_is_refined(
    refining: int,
    quiet: bool,  # noqa: FBT001 - a column of the table
) -> None:
    index = index_of(*gop(0, KEY, *[500] * refining, *[100] * 9), end_ms=2_000)
    times_ms = index.all_ms()

    assert is_quiet(index, times_ms, find_gops(index, times_ms)[0]) is quiet


@pytest.mark.parametrize(
    ("length", "is_early"), [(10, True), (11, False)], ids=["less-than-half", "half-or-more"]
)
def test_a_keyframe_comes_before_its_time_after_less_than_half_of_it(
    length: int,
    is_early: bool,  # noqa: FBT001 - a column of the table
) -> None:
    start_ms = 1_100 + 50 * length
    rows = [
        *gop(0, KEY, *[400] * 21),
        *gop(1_100, KEY, *[400] * (length - 1)),
        *gop(start_ms, KEY, *LOUD),
    ]
    index = index_of(*rows, end_ms=start_ms + 1_000)

    plan = plan_first_look(index, max_gap_ms=2_000, examination=Examination.PACKETS)

    assert plan.shot_pts == ({start_ms} if is_early else frozenset())


def test_the_first_keyframe_is_decoded_however_soon_the_next_one_comes() -> None:
    index = index_of(*((40 * i, KEY, True) for i in range(50)), end_ms=2_000)

    runs = plan_first_look(index, max_gap_ms=1_000, examination=Examination.PICTURES).runs

    assert runs[0].first == 0


def test_a_quiet_group_needs_no_fills_however_long_it_is() -> None:
    rows = [*gop(0, KEY, *[10] * 99), *gop(5_000, KEY, *LOUD)]

    plan = plan_first_look(
        index_of(*rows, end_ms=6_000), max_gap_ms=1_000, examination=Examination.PACKETS
    )

    assert not plan.has_fills
    assert plan.runs == (Run(0, 1), Run(100, 120))


def test_a_long_group_is_decoded_a_step_beyond_where_the_last_sample_is_due() -> None:
    """The frame that is shown where it is due may be one that is skipped."""
    rows = [*gop(0, KEY, *[400] * 79), *gop(4_000, KEY, *LOUD)]

    plan = plan_first_look(
        index_of(*rows, end_ms=5_000), max_gap_ms=1_000, examination=Examination.PACKETS
    )

    assert plan.runs[0] == Run(0, 1 + (4_000 - 1_000 + 250) // 50)
