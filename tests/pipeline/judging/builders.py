"""Timelines, rules and policies for the judging's tests: short to write, any to draw."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pipeline.records import (
    Examination,
    Gate,
    GateThresholds,
    Limits,
    Look,
    Policy,
    ReasonKind,
    Rule,
    Span,
    Timeline,
)

GATE = GateThresholds(
    black_below=10,
    flat_below=4,
    blur_below=3,
    frozen_below=3,
    letterbox_below=0.2,
    small_below=0.1,
    overlay_above=0.4,
    close_above=0.9,
)
LIMITS = Limits(max_pixels=10**8, max_duration_ms=10**8, max_frames=10**6, max_cpu_s=10**4)
DURATION_MS = 4_000
NAN = float("nan")


def rule(category: str = "nudity", **changes: Any) -> Rule:
    """Return a plain rule: review at 0.5, no block, severity 3."""
    return replace(Rule(category, ("nsfw",), 0.5, None, 0, is_strict=False, severity=3), **changes)


def policy(*rules: Rule, **changes: Any) -> Policy:
    """Return a policy of these rules, or of a plain one."""
    plain = Policy(
        policy_id="test",
        version=1,
        sha256="0" * 64,
        model="test",
        rules=rules or (rule(),),
        max_gap_ms=1_000,
        merge_gap_ms=0,
        max_confirmations=4,
        doubts=frozenset({ReasonKind.FEW_GOOD_FRAMES}),
        min_good_share=0.5,
        examination=Examination.PICTURES,
        gate=GATE,
        limits=LIMITS,
        max_unfamiliar_share=0.5,
    )
    return replace(plain, **changes)


def timeline(
    *frames: tuple[int, float],
    duration_ms: int = DURATION_MS,
    edges: Sequence[int] = (),
    gates: dict[int, Gate] | None = None,
    uncovered: Sequence[Span] = (),
    stream: int = 0,
) -> Timeline:
    """Return a timeline of one category from (timestamp_ms, confidence) pairs, in any order.

    A confidence of NaN is a black frame unless *gates* says otherwise. The timestamps in *edges*
    were sampled to place an edge, all others by the first look.
    """
    frames = tuple(sorted(frames))
    times = [time_ms for time_ms, _ in frames]
    bad_or_ok = {t: Gate.BLACK if np.isnan(value) else Gate.OK for t, value in frames}
    by_time = bad_or_ok | (gates or {})
    return Timeline(
        ("nudity",),
        stream,
        duration_ms,
        np.array(times, dtype=np.int64),
        np.array([Look.EDGE if t in edges else Look.FIRST for t in times], dtype=np.uint8),
        np.array([by_time[t] for t in times], dtype=np.uint8),
        np.array([value for _, value in frames], dtype=np.float32).reshape(-1, 1),
        tuple(uncovered),
        (),
    )


def footage(incidents: Sequence[Span], times_ms: Sequence[int], *, duration_ms: int) -> Timeline:
    """Return what a perfect model says of a video with these incidents, at these moments."""
    frames = (
        (t, 0.9 if any(s.start_ms <= t < s.end_ms for s in incidents) else 0.1) for t in times_ms
    )
    return timeline(*frames, duration_ms=duration_ms)


# Few values, near the thresholds: what must be told apart is on, above and below them.
confidences = st.sampled_from([0.0, 0.2, 0.49, 0.5, 0.51, 0.7, 0.9, 1.0, NAN])


@st.composite
def spans(draw: st.DrawFn, *, duration_ms: int = DURATION_MS) -> tuple[Span, ...]:
    """Up to three spans, in order, apart from one another."""
    bounds = draw(st.lists(st.integers(0, duration_ms), max_size=6, unique=True))
    bounds = sorted(bounds)[: len(bounds) // 2 * 2]
    return tuple(Span(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=True))


@st.composite
def timelines(draw: st.DrawFn, *, min_size: int = 0) -> Timeline:
    """Any timeline of one category: no frames, few or many, bad ones, uncovered spans."""
    grid_ms = draw(st.sampled_from([1, 125, 250, 500]))
    moments = st.integers(0, (DURATION_MS - 1) // grid_ms).map(lambda n: n * grid_ms)
    times = sorted(draw(st.sets(moments, min_size=min_size, max_size=20)))
    values = draw(st.lists(confidences, min_size=len(times), max_size=len(times)))
    edges = [t for t in times if draw(st.integers(0, 3)) == 0]
    return timeline(*zip(times, values, strict=True), edges=edges, uncovered=draw(spans()))
