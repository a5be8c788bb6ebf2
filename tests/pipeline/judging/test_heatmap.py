"""Heatmaps: the peak of each category in each column of time."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.judging.heatmap import reduce_to_heatmap
from pipeline.records import Gate, Span, Timeline

NAN = math.nan
CATEGORIES = ("nudity", "violence")


def make_timeline(
    frames: Mapping[int, Sequence[float]], *, duration_ms: int, uncovered: Sequence[Span] = ()
) -> Timeline:
    """Return a timeline of timestamp_ms to confidences; a frame of NaN is bad."""
    times = sorted(frames)
    n = len(times)
    width = len(frames[times[0]]) if times else 1
    confidences = np.array([frames[t] for t in times], dtype=np.float32).reshape(n, width)
    gates = np.where(np.isnan(confidences).all(axis=1), Gate.BLACK, Gate.OK).astype(np.uint8)
    return Timeline(
        CATEGORIES[:width],
        0,
        duration_ms,
        np.array(times, dtype=np.int64),
        np.zeros(n, dtype=np.uint8),
        gates,
        confidences,
        tuple(uncovered),
        (),
    )


@st.composite
def timelines(draw: st.DrawFn, duration_ms: int | None = None) -> Timeline:
    """Any short timeline: no frames, few or many, bad ones, uncovered spans anywhere."""
    length = draw(st.integers(1, 40)) if duration_ms is None else duration_ms
    times = sorted(draw(st.sets(st.integers(0, length - 1), max_size=12)))
    score = st.one_of(st.just(NAN), st.floats(0, 1, width=32))
    values = draw(arrays(np.float32, (len(times), 2), elements=score))
    edges = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    spans = tuple(Span(start, end) for start, end in pairs)
    flags = np.zeros(len(times), dtype=np.uint8)
    ms = np.array(times, dtype=np.int64)
    return Timeline(CATEGORIES, 0, length, ms, flags, flags, values, spans, ())


def peaks_of(timeline: Timeline, columns: int) -> list[float]:
    """Return the first category's peaks as plain numbers of two decimals."""
    peaks = reduce_to_heatmap([timeline], columns=columns).peaks[0]
    return [round(float(peak), 2) for peak in peaks]


@pytest.mark.parametrize(
    ("frames", "uncovered", "peaks"),
    [
        pytest.param({0: [0.2], 4: [0.7], 5: [0]}, [], [0.7, 0.0], id="the-highest-wins"),
        pytest.param({0: [0.1], 5: [0.4]}, [], [0.1, 0.4], id="an-edge-belongs-to-the-later"),
        pytest.param({0: [0.3]}, [], [0.3, 0.3], id="one-sample-speaks-for-all"),
        pytest.param({0: [0.3]}, [Span(5, 10)], [0.3, NAN], id="but-not-for-what-is-uncovered"),
        pytest.param({0: [0.3]}, [Span(5, 9)], [0.3, 0.3], id="it-speaks-again-after-the-span"),
        pytest.param({0: [0.3], 9: [NAN]}, [], [0.3, NAN], id="a-bad-frame-alone-is-not-known"),
        pytest.param({0: [0.3], 5: [NAN], 6: [0.2]}, [], [0.3, 0.2], id="a-bad-frame-among-good"),
        pytest.param({0: [0.0]}, [Span(1, 10)], [0.0, NAN], id="zero-is-not-missing"),
        pytest.param({}, [], [NAN, NAN], id="no-frames"),
        pytest.param({7: [0.6]}, [Span(0, 10)], [NAN, 0.6], id="a-sample-in-an-uncovered-span"),
    ],
)
def test_two_columns(
    frames: dict[int, list[float]], uncovered: list[Span], peaks: list[float]
) -> None:
    timeline = make_timeline(frames, duration_ms=10, uncovered=uncovered)

    np.testing.assert_array_equal(peaks_of(timeline, 2), peaks)


def test_a_sample_speaks_to_the_midpoint() -> None:
    timeline = make_timeline({0: [0.1], 6: [0.9]}, duration_ms=10)

    assert peaks_of(timeline, 10) == [0.1] * 3 + [0.9] * 7


def test_a_column_with_samples_does_not_listen_to_its_neighbours() -> None:
    timeline = make_timeline({4: [0.1], 5: [0.9]}, duration_ms=10)

    assert peaks_of(timeline, 2) == [0.1, 0.9]


def test_a_video_shorter_than_its_columns_is_repeated() -> None:
    assert peaks_of(make_timeline({0: [0.5]}, duration_ms=1), 4) == [0.5] * 4


def test_the_maximum_over_streams_passes_over_what_one_of_them_lacks() -> None:
    streams = [
        make_timeline({0: [0.2]}, duration_ms=10, uncovered=[Span(5, 10)]),
        make_timeline({0: [0.1], 5: [0.6]}, duration_ms=10),
    ]

    peaks = reduce_to_heatmap(streams, columns=2).peaks
    np.testing.assert_array_equal(peaks, np.array([[0.2, 0.6]], dtype=np.float32))


def test_a_shorter_stream_says_nothing_after_its_end() -> None:
    streams = [
        make_timeline({0: [0.9]}, duration_ms=5),
        make_timeline({}, duration_ms=10),
    ]

    heatmap = reduce_to_heatmap(streams, columns=2)
    assert heatmap.duration_ms == 10
    np.testing.assert_array_equal(heatmap.peaks, np.array([[0.9, np.nan]], dtype=np.float32))


def slow_peaks(timeline: Timeline, columns: int) -> list[list[float]]:
    """The same, millisecond by millisecond."""
    times = timeline.timestamps_ms.tolist()
    values = timeline.confidences.tolist()
    duration_ms = timeline.duration_ms

    def owner(ms: int) -> int:
        return min(range(len(times)), key=lambda i: (abs(ms - times[i]), -times[i]))

    def touches(ms: int, b: int) -> bool:
        return ms * columns < (b + 1) * duration_ms and b * duration_ms < (ms + 1) * columns

    rows = []
    for b in range(columns):
        own = [i for i, t in enumerate(times) if t * columns // duration_ms == b]
        covered = [
            ms
            for ms in range(duration_ms)
            if touches(ms, b) and not any(s.start_ms <= ms < s.end_ms for s in timeline.uncovered)
        ]
        speakers = own or ([owner(ms) for ms in covered] if times else [])
        cells = [[values[i][k] for i in speakers if not math.isnan(values[i][k])] for k in (0, 1)]
        rows.append([max(cell, default=NAN) for cell in cells])
    return rows


@given(timelines(), st.integers(1, 50))
def test_every_cell_is_what_the_slow_version_says(timeline: Timeline, columns: int) -> None:
    peaks = reduce_to_heatmap([timeline], columns=columns).peaks

    np.testing.assert_array_equal(peaks.T, np.array(slow_peaks(timeline, columns)))


@given(timelines(), st.integers(1, 50))
def test_no_peak_is_lost_and_none_is_made_up(timeline: Timeline, columns: int) -> None:
    peaks = reduce_to_heatmap([timeline], columns=columns).peaks

    highest = np.fmax.reduce(timeline.confidences, axis=0, initial=-1)
    np.testing.assert_array_equal(np.fmax.reduce(peaks, axis=1, initial=-1), highest)


@given(timelines(30), timelines(30), st.integers(1, 40))
def test_another_stream_never_lowers_a_peak(one: Timeline, two: Timeline, columns: int) -> None:
    alone = reduce_to_heatmap([one], columns=columns).peaks
    both = reduce_to_heatmap([one, two], columns=columns).peaks

    assert np.all((both >= alone) | np.isnan(alone))


def test_a_column_of_a_very_long_video_is_exact() -> None:
    duration_ms = 36_000_000
    edge_ms = -(-1_023 * duration_ms // 1_024)  # the first millisecond of the last column
    frames = {0: [0.0], edge_ms - 1: [0.4], edge_ms: [0.8]}

    peaks = peaks_of(make_timeline(frames, duration_ms=duration_ms), 1_024)
    assert peaks[-2:] == [0.4, 0.8]


def test_peaks_cannot_be_written_to() -> None:
    heatmap = reduce_to_heatmap([make_timeline({0: [0.5]}, duration_ms=10)], columns=2)

    with pytest.raises(ValueError, match="read-only"):
        heatmap.peaks[0, 0] = 1.0


@pytest.mark.parametrize("columns", [0, -1])
def test_there_must_be_a_column(columns: int) -> None:
    with pytest.raises(ValueError, match="columns must be positive"):
        reduce_to_heatmap([make_timeline({0: [0.5]}, duration_ms=10)], columns=columns)


def test_there_must_be_a_timeline() -> None:
    with pytest.raises(ValueError, match="timelines must be at least one"):
        reduce_to_heatmap([], columns=2)


def test_streams_must_agree_on_the_categories() -> None:
    one = make_timeline({0: [0.5]}, duration_ms=10)
    two = make_timeline({0: [0.5, 0.5]}, duration_ms=10)

    with pytest.raises(ValueError, match="same categories"):
        reduce_to_heatmap([one, two], columns=2)
