"""Reports, timelines and thumbnails built by hand: the parts of the drawings' samples."""

from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from pipeline.records import (
    CategorySummary,
    Event,
    Examination,
    Gate,
    GateThresholds,
    Judgement,
    Limits,
    ModelFacts,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Report,
    Rule,
    Segment,
    Span,
    Thumbnails,
    Timeline,
    Timings,
    Unjudged,
    Verdict,
    VideoFacts,
)

REVIEW, BLOCK = 0.3, 0.85
FIVE = ("sexual", "violence", "gore", "weapons", "drugs")
PHOTOGRAPHS: tuple[Callable[[], NDArray[np.uint8]], ...] = (
    data.astronaut,
    data.coffee,
    data.cat,
    data.rocket,
)
MAX_THUMBNAIL_PX = 160
MS_PER_MIN = 60_000


def make_policy(
    categories: Sequence[str] = ("nudity",), *, block: float | None = BLOCK, review: float = REVIEW
) -> Policy:
    """Return a policy with equal thresholds for all categories."""
    return Policy(
        policy_id="default",
        version=7,
        sha256="b" * 64,
        model="open-nsfw",
        rules=tuple(
            Rule(name, (name,), review, block, 500, is_strict=False, severity=3)
            for name in categories
        ),
        max_gap_ms=1_000,
        merge_gap_ms=1_000,
        max_confirmations=4,
        doubts=frozenset(ReasonKind),
        min_good_share=0.5,
        examination=Examination.PICTURES,
        gate=GateThresholds(12.0, 4.0, 8.0, 3, 0.2, 0.1, 0.4, 1.0),
        limits=Limits(100_000_000, 86_400_000, 100_000, 600.0),
        max_unfamiliar_share=0.5,
    )


def make_timeline(
    confidences: NDArray[np.float32],
    *,
    categories: Sequence[str],
    duration_ms: int,
    uncovered: Sequence[Span] = (),
    cuts_ms: Sequence[int] = (),
) -> Timeline:
    """Return a timeline of N evenly spaced samples, without those in an uncovered span."""
    n = len(confidences)
    times = np.arange(n, dtype=np.int64) * duration_ms // max(n, 1)
    kept = np.array(
        [not any(span.start_ms <= t < span.end_ms for span in uncovered) for t in times],
        dtype=np.bool_,
    )
    return Timeline(
        categories=tuple(categories),
        stream=0,
        duration_ms=duration_ms,
        timestamps_ms=times[kept],
        looks=np.zeros(int(kept.sum()), dtype=np.uint8),
        gates=np.full(int(kept.sum()), Gate.OK, dtype=np.uint8),
        confidences=confidences[kept],
        uncovered=tuple(uncovered),
        cuts_ms=tuple(cuts_ms),
    )


def quiet(n: int, k: int, *, seed: int = 1) -> NDArray[np.float32]:
    """Return confidences of a harmless video, shape (n, k): low, now and then a little higher."""
    i, j = np.arange(n)[:, None], np.arange(k)
    # Scattered, but the same in every version of numpy: the goldens hang on it.
    scattered = (i * 7_919 + j * 104_729 + seed * 611_953 + i * i * 31) % 997 / 997
    return (0.01 + 0.2 * scattered**8).astype(np.float32)


@cache
def photograph_jpegs(*, is_portrait: bool = False) -> tuple[bytes, ...]:
    """Return a few real photographs as small JPEG files, 16:9 or 9:16."""
    return tuple(
        encode_jpeg(pan(make(), shift, is_portrait=is_portrait))
        for make in PHOTOGRAPHS
        for shift in (0.0, 0.5, 1.0)
    )


def pan(photograph: NDArray[np.uint8], shift: float, *, is_portrait: bool) -> NDArray[np.uint8]:
    """Cut a picture of a video's aspect ratio out of a photograph; shift 0 to 1 moves it."""
    height, width = photograph.shape[:2]
    aspect = 9 / 16 if is_portrait else 16 / 9
    h = min(height, int(width / aspect))
    w = min(width, int(h * aspect))
    top, left = int((height - h) * shift), int((width - w) * shift)
    return photograph[top : top + h, left : left + w]


def encode_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as a JPEG file of at most 160 px."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((MAX_THUMBNAIL_PX, MAX_THUMBNAIL_PX))
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()


def make_thumbnails(timeline: Timeline, *, is_portrait: bool = False) -> Thumbnails:
    """Return a thumbnail for each sample: the photographs, each for a sixteenth of the video."""
    jpegs = photograph_jpegs(is_portrait=is_portrait)
    scenes = timeline.timestamps_ms * 16 // timeline.duration_ms
    chosen = tuple(jpegs[int(scene) * 5 % len(jpegs)] for scene in scenes)
    return Thumbnails(timeline.stream, timeline.timestamps_ms, chosen)


def make_report(  # noqa: PLR0913 - a report has many parts
    timeline: Timeline | None,
    *,
    outcome: Outcome,
    reasons: Sequence[Reason] = (),
    segments: Sequence[Segment] = (),
    events: Sequence[Event] = (),
    tag: str = "upload-123",
) -> Report:
    """Return a report; its summaries and its coverage are those of the timeline."""
    judgement = Judgement(
        verdict=Verdict(outcome, 0 if outcome is Outcome.PASS else 3, tuple(reasons)),
        categories=() if timeline is None else _summaries(timeline, segments),
        segments=tuple(segments),
        unjudged=() if timeline is None else _unjudged(timeline),
        events=tuple(events),
        coverage=0.0 if timeline is None else _coverage(timeline),
        frames_scored=0 if timeline is None else len(timeline.timestamps_ms),
        frames_rejected=0,
    )
    return Report(
        submission_id="sha256:8f3c21a9" + "0" * 56,
        tag=tag,
        source=Path("clips/holiday.mp4"),
        video=None if timeline is None else _facts(timeline),
        model=ModelFacts("open-nsfw", "1.0", "a" * 64, ("CPUExecutionProvider",)),
        policy_id="default",
        policy_version=7,
        policy_sha256="b" * 64,
        max_gap_ms=1_000,
        judgement=judgement,
        artifacts=(),
        timings=Timings(1.2, 3.4, 0.1),
    )


def _facts(timeline: Timeline) -> VideoFacts:
    duration_ms = timeline.duration_ms
    return VideoFacts("mp4", "h264", duration_ms, 1280, 720, 0, 29.97, is_vfr=False, streams=1)


def _summaries(timeline: Timeline, segments: Sequence[Segment]) -> tuple[CategorySummary, ...]:
    peaks = np.fmax.reduce(timeline.confidences, axis=0, initial=np.nan).tolist()
    lengths = {
        name: [s.end_ms - s.start_ms for s in segments if s.category == name]
        for name in timeline.categories
    }
    return tuple(
        CategorySummary(name, peak, sum(lengths[name]) / 1_000, max(lengths[name], default=0))
        for name, peak in zip(timeline.categories, peaks, strict=True)
    )


def _coverage(timeline: Timeline) -> float:
    return 1 - sum(span.length_ms for span in timeline.uncovered) / timeline.duration_ms


def _unjudged(timeline: Timeline) -> tuple[Unjudged, ...]:
    return tuple(Unjudged(s.start_ms, s.end_ms, "not sampled") for s in timeline.uncovered)


def make_segment(category: str, start_ms: int, end_ms: int, confidence: float) -> Segment:
    """Return a confirmed segment with its peak in the middle."""
    middle_ms = (start_ms + end_ms) // 2
    mean = confidence * 0.9
    return Segment(category, 0, start_ms, end_ms, confidence, mean, 9, middle_ms, is_confirmed=True)


def make_reason(segment: Segment, *, threshold: float = REVIEW) -> Reason:
    """Return the reason for which a segment fired its category's rule."""
    return Reason(
        ReasonKind.THRESHOLD,
        segment.category,
        segment.max_score,
        threshold,
        segment.start_ms,
        segment.end_ms,
    )


def make_event(segment: Segment) -> Event:
    """Return the event that a segment's peak makes."""
    return Event(
        segment.peak_ms, segment.category, segment.max_score, segment.is_confirmed, segment.stream
    )
