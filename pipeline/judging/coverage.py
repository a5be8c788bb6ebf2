"""Coverage: which part of a video lies inside the sampling guarantee."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Span, Timeline


def uncovered_spans(
    timestamps_ms: NDArray[np.int64],
    examined: Sequence[Span],
    *,
    duration_ms: int,
    max_gap_ms: int,
) -> tuple[Span, ...]:
    """Return the spans outside the sampling guarantee, in order, apart from one another.

    A gap of at most max_gap_ms between two sampled moments is covered. Of a longer one only half
    of max_gap_ms next to each moment is. The video's start and end are moments that nobody sampled:
    a gap to them of at most max_gap_ms is covered, of a longer one only the sampled side. One more
    sample never adds uncovered time.

    Args:
        timestamps_ms: shape (N,), increasing, of the frames that were looked at (not the corrupt
            ones).
        examined: spans that count as sampled throughout; they may overlap.
        duration_ms: length of the video.
        max_gap_ms: the policy's sampling promise, at least 1.

    >>> uncovered_spans(np.array([0, 1_000, 5_000]), (), duration_ms=6_000, max_gap_ms=1_000)
    (Span(start_ms=1500, end_ms=4500),)
    """
    if duration_ms == 0:
        return ()
    # A moment is a span of no length, and an examined span a moment that lasts.
    starts = np.concatenate([timestamps_ms, _bounds_ms(span.start_ms for span in examined)])
    ends = np.concatenate([timestamps_ms, _bounds_ms(span.end_ms for span in examined)])
    order = np.argsort(starts, kind="stable")
    reached = np.maximum.accumulate(ends[order])  # examined spans may lie in one another

    left = np.concatenate([[0], reached])
    right = np.minimum(np.concatenate([starts[order], [duration_ms]]), duration_ms)
    # Where nothing at all was sampled, the one gap is from bound to bound, however short.
    is_long = right - left > (max_gap_ms if len(starts) > 0 else 0)
    left[1:] += (max_gap_ms + 1) // 2
    right[:-1] -= max_gap_ms // 2
    bounds = zip(left[is_long].tolist(), right[is_long].tolist(), strict=True)
    return tuple(Span(start, end) for start, end in bounds)


def coverage(timeline: Timeline) -> float:
    """Return the share of the duration inside the sampling guarantee, 0 to 1.

    It is exactly 1.0 if and only if no span is uncovered. A video of no length is not covered.
    """
    if timeline.duration_ms == 0:
        return 0.0
    lost_ms = sum(span.length_ms for span in timeline.uncovered)
    return (timeline.duration_ms - lost_ms) / timeline.duration_ms


def _bounds_ms(bounds: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(bounds, dtype=np.int64)
