"""Unjudged: the spans that no good frame speaks for, and why."""

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.runs import reach_ms
from pipeline.judging.segments import merge_spans
from pipeline.records import Gate, Span, Timeline, Unjudged

NOT_SAMPLED = "not sampled"


def find_unjudged(timeline: Timeline) -> tuple[Unjudged, ...]:
    """Return one stream's unjudged spans by start; no two of them overlap.

    A bad frame leaves unjudged what it would speak for: from its timestamp to the next frame, or
    to where the guarantee or the video ends. Bad frames in a row with one gate make one span,
    named after the gate; an uncovered span is named "not sampled", also where a corrupt frame lies
    in it.
    """
    found = [Unjudged(span.start_ms, span.end_ms, NOT_SAMPLED) for span in timeline.uncovered]
    for gate, spans in groupby(_bad_frames(timeline), key=lambda bad: bad[0]):
        merged = merge_spans((span for _, span in spans), gap_ms=1)
        found += [Unjudged(span.start_ms, span.end_ms, gate.words) for span in merged]
    return tuple(sorted(found, key=lambda unjudged: unjudged.start_ms))


def _bad_frames(timeline: Timeline) -> list[tuple[Gate, Span]]:
    """Return the gate of each bad frame and what it leaves unjudged, uncovered time left out."""
    starts = np.maximum(timeline.timestamps_ms, _covered_from(timeline)).tolist()
    ends = reach_ms(timeline).tolist()
    gates = [Gate(value) for value in timeline.gates.tolist()]
    return [
        (gate, Span(start, end))
        for gate, start, end in zip(gates, starts, ends, strict=True)
        if not gate.is_good and start < end
    ]


def _covered_from(timeline: Timeline) -> NDArray[np.int64]:
    """Return per frame the end of the last uncovered span that begins no later, 0 without one."""
    span_starts = np.array([span.start_ms for span in timeline.uncovered], dtype=np.int64)
    span_ends = np.array([0, *(span.end_ms for span in timeline.uncovered)], dtype=np.int64)
    return span_ends[np.searchsorted(span_starts, timeline.timestamps_ms, side="right")]
