"""Any report, and any scores of frames: what the tests of the outputs draw from."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.records import (
    BankFacts,
    CategorySummary,
    Event,
    FrameScores,
    Judgement,
    ModelFacts,
    Outcome,
    Reason,
    ReasonKind,
    Report,
    Segment,
    Span,
    Timings,
    Unjudged,
    Verdict,
    VideoFacts,
)

NAN = float("nan")
texts = st.text(st.characters(codec="utf-8"), max_size=12)
shares = st.floats(0, 1)
times = st.integers(0, 10_000)
seconds = st.floats(0, 1e6)
file_names = st.binary(min_size=1, max_size=12).map(
    lambda name: Path("clips") / name.replace(b"/", b"").decode("utf-8", "surrogateescape")
)
banks = st.none() | st.builds(BankFacts, texts, texts, st.floats(-1e3, 1e3), shares)
videos = st.builds(
    VideoFacts,
    container=texts,
    codec=texts,
    duration_ms=times,
    width=times,
    height=times,
    rotation_deg=st.sampled_from([0, 90, 180, 270]),
    frame_rate=seconds,
    is_vfr=st.booleans(),
    streams=times,
)
reasons = st.builds(
    Reason,
    st.sampled_from(ReasonKind),
    st.none() | texts.filter(bool),
    st.none() | shares,
    st.none() | shares,
    st.none() | times,
    st.none() | times,
    texts,
)
summaries = st.builds(CategorySummary, texts, shares, seconds, times)
events = st.builds(Event, times, texts, shares, st.booleans(), times)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Any segment: start <= peak < end."""
    start, peak, end = sorted(draw(st.tuples(times, times, times)))
    shape = (draw(texts), draw(times), start, end + 1, draw(shares), draw(shares))
    return Segment(*shape, draw(times), peak, draw(st.booleans()))


judgements = st.builds(
    Judgement,
    verdict=st.builds(
        Verdict,
        st.sampled_from(Outcome),
        st.integers(0, 4),
        st.lists(reasons, min_size=1, max_size=3).map(tuple),
    ),
    categories=st.lists(summaries, max_size=3, unique_by=lambda one: one.category).map(tuple),
    segments=st.lists(segments(), max_size=3).map(tuple),
    unjudged=st.lists(st.builds(Unjudged, times, times, texts), max_size=2).map(tuple),
    events=st.lists(events, max_size=3).map(tuple),
    coverage=shares,
    frames_scored=times,
    frames_rejected=times,
)
artifact_sets = st.dictionaries(st.text("abcdef", min_size=1), st.text("xyz", min_size=1))
reports = st.builds(
    Report,
    submission_id=texts,
    tag=texts,
    source=file_names,
    video=st.none() | videos,
    model=st.builds(ModelFacts, texts, texts, texts, st.lists(texts, max_size=2).map(tuple)),
    policy_id=texts,
    policy_version=times,
    policy_sha256=texts,
    max_gap_ms=times,
    judgement=judgements,
    artifacts=artifact_sets.map(lambda found: tuple(sorted(found.items()))),
    timings=st.builds(Timings, seconds, seconds, seconds),
    bank=banks,
)


@st.composite
def frame_scores(draw: st.DrawFn, labels: tuple[str, ...], stream: int) -> FrameScores:
    """Any scores of one stream's frames: none, few or many, some not scored."""
    duration_ms = 1_000
    shown = sorted(draw(st.sets(st.integers(0, duration_ms - 1), max_size=20)))
    n = len(shown)
    score = st.just(NAN) | st.floats(0, 1, width=32)
    starts = draw(st.lists(times, max_size=3))
    return FrameScores(
        labels=labels,
        stream=stream,
        duration_ms=duration_ms,
        timestamps_ms=np.array(shown, np.int64),
        pts=draw(arrays(np.int64, n)),
        looks=draw(arrays(np.uint8, n, elements=st.integers(0, 2))),
        gates=draw(arrays(np.uint8, n, elements=st.integers(0, 5))),
        scores=draw(arrays(np.float32, (n, len(labels)), elements=score)),
        ood=draw(arrays(np.float32, n, elements=score)),
        examined=tuple(Span(start, start + 1) for start in starts),
        cuts_ms=tuple(sorted(starts)),
        bank=draw(banks),
    )


label_sets = st.lists(st.text(max_size=8), max_size=4).map(tuple)
stream_sets = label_sets.flatmap(
    lambda labels: st.lists(st.integers(0, 3), max_size=3, unique=True).flatmap(
        lambda found: st.tuples(*(frame_scores(labels, stream) for stream in sorted(found)))
    )
)
