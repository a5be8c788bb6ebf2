"""One video stream watched: the first look, and the second where the first found something."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.ahead import Stopwatch, work_ahead
from pipeline.judging.edges import (
    EdgeSearch,
    edges_to_refine,
    narrow_above,
    narrow_below,
    next_probe,
)
from pipeline.judging.peaks import confirm_targets, peaks_to_confirm
from pipeline.judging.runs import is_over
from pipeline.judging.timeline import build_timeline
from pipeline.learning.bank import Detector
from pipeline.media.looks import AnyLooker, nearest_pts, pts_between, shown_spans
from pipeline.records import Change, Frame, FrameScores, Look, Span, Thumbnails, Timeline
from pipeline.samples import FrameScorer, Sample, merge, to_frame_scores, to_thumbnails
from pipeline.scoring.session import Scorer

FRAMES_AHEAD = 16  # decoded while others are scored; some 200 kB each
FIRST_LOOK_SHARE = 0.9  # of the progress that is shown
MAX_ROUNDS = 8  # of going back to peaks; those that are left stay in force, and a person looks


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of one stream, or of a chunk of it."""

    frames: FrameScores
    thumbnails: Thumbnails


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches one chunk of a stream with one model.

    Attributes:
        span: the chunk; the whole of a video is one, too.
        looker: decodes.
        scorer: scores.
        decoding: adds up the CPU seconds of decoding.
        detector: tells strangers; None where there is no bank.
    """

    span: Span
    looker: AnyLooker
    scorer: Scorer
    decoding: Stopwatch
    detector: Detector | None = None

    def watch(self, on_progress: Callable[[float], None]) -> Watched:
        """Look once, go back to the peaks, then to the edges of what stands at the thresholds.

        on_progress is told how much is done, 0 to 1.
        """
        plan = self.looker.plan_within(self.span)
        first = work_ahead(self.decoding.timed(self.looker.first_look(plan)), depth=FRAMES_AHEAD)
        samples = self._score_all(first, on_progress)
        samples = self._confirm_peaks(samples, plan.quiet)
        samples = self._place_edges(samples, plan.quiet)
        on_progress(1.0)
        frames = self._columns(samples, self._examined(samples, plan.quiet))
        thumbnails = to_thumbnails(samples, stream=self.looker.index.stream)
        return Watched(frames, thumbnails)

    def _score_all(
        self, frames: Iterator[Frame], on_progress: Callable[[float], None]
    ) -> list[Sample]:
        samples = []
        for sample in self._frame_scorer.score_in_turn(frames):
            samples.append(sample)
            share = (sample.timestamp_ms - self.span.start_ms) / self.span.length_ms
            on_progress(FIRST_LOOK_SHARE * min(share, 1.0))
        return samples

    def _confirm_peaks(self, samples: list[Sample], quiet: tuple[Span, ...]) -> list[Sample]:
        """Go back to the peaks until none is left that the policy wants borne out."""
        visited: list[int] = []
        for _ in range(MAX_ROUNDS):
            timeline = self._timeline(self._columns(samples, self._examined(samples, quiet)))
            peaks = peaks_to_confirm(timeline, self.looker.policy, visited=visited)
            if not peaks:
                break
            visited += peaks
            times = [t for peak in peaks for t in confirm_targets(peak, self._duration_ms)]
            frames = self._decode(nearest_pts(self.looker.index, times), Look.CONFIRM)
            samples = merge(samples, self._frame_scorer.score_each(frames))
        return samples

    def _place_edges(self, samples: list[Sample], quiet: tuple[Span, ...]) -> list[Sample]:
        """Decode the intervals that edges lie in, once, and halve each as it comes by."""
        timeline = self._timeline(self._columns(samples, self._examined(samples, quiet)))
        searches = edges_to_refine(timeline, self.looker.policy)
        spans = [Span(search.low_ms, search.high_ms) for search in searches]
        longest_ms = max((span.length_ms for span in spans), default=0)
        wanted = {pts for span in spans for pts in pts_between(self.looker.index, span)}
        jumps = {s.timestamp_ms for s in samples if s.change is not Change.NONE}
        probed: dict[int, Sample] = {}
        recent: deque[Frame] = deque()
        waiting = deque(searches)
        for frame in self._decode(tuple(sorted(wanted)), Look.EDGE):
            while waiting and waiting[0].high_ms <= frame.timestamp_ms:
                self._place_edge(waiting.popleft(), recent, jumps, probed)
            while recent and recent[0].timestamp_ms <= frame.timestamp_ms - longest_ms:
                recent.popleft()
            recent.append(frame)
        for search in waiting:
            self._place_edge(search, recent, jumps, probed)
        return merge(samples, probed.values())

    def _place_edge(
        self,
        search: EdgeSearch,
        recent: Sequence[Frame],
        jumps: set[int],
        probed: dict[int, Sample],
    ) -> None:
        """Score frames of *recent* until the edge is placed; where one jumped, just before it."""
        times = np.array([frame.timestamp_ms for frame in recent], dtype=np.int64)
        i = next_probe(times, search.low_ms, search.high_ms)
        if i is not None and search.high_ms in jumps:
            i = int(np.searchsorted(times, search.high_ms)) - 1
        while i is not None:
            search = self._probe(search, recent[i], probed)
            i = next_probe(times, search.low_ms, search.high_ms)

    def _probe(self, search: EdgeSearch, frame: Frame, probed: dict[int, Sample]) -> EdgeSearch:
        """Score one frame, if it was not yet, and narrow the search by it."""
        if frame.timestamp_ms not in probed:
            (probed[frame.timestamp_ms],) = self._frame_scorer.score_each([frame])
        timeline = self._timeline(self._columns([probed[frame.timestamp_ms]], examined=()))
        rule = self.looker.policy.rules[search.category]
        is_above = is_over(timeline.confidences[:, search.category], rule.review)[0]
        return (narrow_above if is_above else narrow_below)(search, frame.timestamp_ms)

    def _decode(self, pts: tuple[int, ...], look: Look) -> Iterator[Frame]:
        frames = self.looker.second_look(pts, look)
        return work_ahead(self.decoding.timed(frames), depth=FRAMES_AHEAD) if pts else iter(())

    def _examined(self, samples: list[Sample], quiet: tuple[Span, ...]) -> tuple[Span, ...]:
        """Return what needs no sample: quiet spans, and the time for which a sample is shown."""
        return (*quiet, *shown_spans(self.looker.index, [sample.pts for sample in samples]))

    def _columns(self, samples: list[Sample], examined: tuple[Span, ...]) -> FrameScores:
        return to_frame_scores(
            samples,
            labels=self.scorer.manifest.labels,
            stream=self.looker.index.stream,
            duration_ms=self._duration_ms,
            examined=examined,
            bank=self.detector.facts if self.detector else None,
        )

    def _timeline(self, frames: FrameScores) -> Timeline:
        return build_timeline(frames, self.looker.policy, self.scorer.manifest.exclusivity)

    @property
    def _frame_scorer(self) -> FrameScorer:
        return FrameScorer(self.scorer, self.looker.policy.gate, self.detector)

    @property
    def _duration_ms(self) -> int:
        return self.looker.video.facts.duration_ms
