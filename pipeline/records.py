"""The records that the stages hand to one another: frozen and self-checking.

A record that exists is right, so a function that is given one checks nothing again. Times are
integers of milliseconds on the video's presentation clock, intervals half-open; scores lie in
[0, 1], higher meaning more likely to violate; NaN means "not scored", never 0.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal

MAX_SEVERITY = 4


class Look(IntEnum):
    """Which look at the video sampled a frame."""

    FIRST = 0  # the first look covers the video
    CONFIRM = 1  # the second look goes back around a peak ...
    EDGE = 2  # ... and to the edges of segments


class Change(IntEnum):
    """How a frame was seen to differ from the one just before it, beyond motion."""

    NONE = 0  # not at all, or nobody looked
    PART = 1  # something new stands in a part of the picture, or has gone from it
    SHOT = 2  # most of the picture is new


class Gate(IntEnum):
    """What the gate says of a frame: whether its scores can be trusted."""

    OK = 0
    BLACK = 1
    FLAT = 2
    BLUR = 3
    FROZEN = 4  # indistinguishable from the last scored frame, whose scores it takes
    CORRUPT = 5
    LETTERBOX = 6  # plain bars take up nearly all of it
    TOO_SMALL = 7  # what it shows is lost in plain surroundings
    OVERLAY = 8  # one plain colour, as of a card laid over it, takes up most of it
    TOO_CLOSE = 9  # nothing is seen around what it shows

    @property
    def is_good(self) -> bool:
        """Whether the frame's scores count: it was scored, or is the same picture as one that was.

        >>> [gate.name for gate in Gate if gate.is_good]
        ['OK', 'FROZEN']
        """
        return self in (Gate.OK, Gate.FROZEN)

    @property
    def words(self) -> str:
        """Its name as people read it.

        >>> Gate.TOO_SMALL.words
        'too small'
        """
        return self.name.lower().replace("_", " ")


class Outcome(StrEnum):
    """The word of a verdict."""

    PASS = "pass"  # noqa: S105 - the word of a verdict, no password
    REVIEW = "review"
    BLOCK = "block"
    ERROR = "error"


class ReasonKind(StrEnum):
    """What stands behind a verdict: a rule that fired, or a doubt by its name."""

    THRESHOLD = "threshold"  # a confirmed confidence at or above a threshold
    UNCONFIRMED = "unconfirmed"  # a peak over the threshold that no second frame bears out
    COVERAGE = "coverage"  # part of the video lies outside the sampling guarantee
    FEW_GOOD_FRAMES = "few_good_frames"  # too many frames are bad: black, blurred, too small ...
    DECODE = "decode"  # frames are missing, damaged, or do not add up
    UNREADABLE = "unreadable"  # nothing could be judged at all
    ABANDONED = "abandoned"  # given up: whoever tried to judge it died or failed, again and again
    LIMIT = "limit"  # the video exceeds a limit of the policy
    UNFAMILIAR = "unfamiliar"  # too many frames are unlike what the model knows


class Exclusivity(StrEnum):
    """Whether a model's labels exclude each other: it decides how a category's score is made."""

    SOFTMAX = (
        "softmax"  # they do, the scores sum to 1: a category's score is the sum of its labels'
    )
    SIGMOID = "sigmoid"  # they do not: a category's score is the maximum of its labels'


class Examination(StrEnum):
    """By what the sampler sees that something new is shown between two samples."""

    PICTURES = "pictures"  # frames between them are decoded and compared: inserts in a corner too
    PACKETS = "packets"  # the sizes of the packets: inserts that fill the picture; far cheaper


class Fit(StrEnum):
    """How a picture is brought to the model's input size."""

    STRETCH = "stretch"  # both sides to the size, the aspect ratio is lost
    CROP = "crop"  # the shorter side to the size, the middle is kept


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open interval of time, [start_ms, end_ms), never empty."""

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"a span needs 0 <= start_ms < end_ms, got {self}")

    @property
    def length_ms(self) -> int:
        """The length in milliseconds, at least 1."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Geometry:
    """The pixels that a model wants, and how a picture is brought there.

    The picture is first resized to resize_px (both sides for STRETCH, the shorter side for CROP),
    then the middle width_px x height_px is cut out.
    """

    width_px: int
    height_px: int
    resize_px: int
    fit: Fit

    def __post_init__(self) -> None:
        if not 0 < max(self.width_px, self.height_px) <= self.resize_px:
            raise ValueError(f"resize_px must be at least as large as the crop, got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """What can be measured of a picture without a model, from its luma plane.

    Attributes:
        brightness: mean luma, 0 (black) to 255.
        contrast: standard deviation of luma, 0 (one flat tone) upwards.
        sharpness: variance of the Laplacian of the luma at a fixed working size, 0 upwards;
            higher = sharper.
        content_width, content_height: share of the picture's width and height, 0 to 1, that is left
            when plain margins are trimmed off all four sides; 0 of a picture of one tone.
        plain: share of what is left that is of one and the same plain colour, 0 to 1.
        rim_likeness: how alike the colours at the rim and in the middle are, 0 (none in common)
            to 1 (the same).
        signature: shape (H, W, 3), uint8: luma and both chromas of the picture, shrunk so far
            that only a change of content shows; two pictures are compared by it.
    """

    brightness: float
    contrast: float
    sharpness: float
    content_width: float
    content_height: float
    plain: float
    rim_likeness: float
    signature: NDArray[np.uint8]

    def __post_init__(self) -> None:
        require_array("signature", self.signature, np.uint8, (None, None, 3))
        seal(self)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture, upright, on its way to the model.

    Attributes:
        timestamp_ms: when it is first shown, the video's first frame being 0.
        pts: the exact presentation timestamp, in the stream's time base.
        look: which look asked for it.
        change: how it was seen to differ from the frame just before it.
        pixels: shape (H, W, 3), uint8 RGB, brought to the model's geometry.
        thumbnail: a JPEG file in memory: the whole picture in its own shape, at most 160 px wide
            and high.
        quality: what was measured of it.
        is_corrupt: whether the decoder flagged it as damaged.
    """

    timestamp_ms: int
    pts: int
    look: Look
    change: Change
    pixels: NDArray[np.uint8]
    thumbnail: bytes
    quality: Quality
    is_corrupt: bool

    def __post_init__(self) -> None:
        require_array("pixels", self.pixels, np.uint8, (None, None, 3))
        seal(self)


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutputs:
    """What a model says of a batch of N frames.

    Attributes:
        scores: shape (N, L), float32 in [0, 1], one column a label of the model.
        features: shape (N, D), float32, pooled; D is 0 where the model offers none.
        logits: shape (N, L), float32, what the scores were made of; (N, 0) where the model offers
            none.
    """

    scores: NDArray[np.float32]
    features: NDArray[np.float32]
    logits: NDArray[np.float32]

    def __post_init__(self) -> None:
        require_array("scores", self.scores, np.float32, (None, None))
        require_array("features", self.features, np.float32, (len(self.scores), None))
        require_array("logits", self.logits, np.float32, (len(self.scores), None))
        if self.logits.shape[1] not in (0, self.scores.shape[1]):
            raise ValueError(f"logits must have no column or one a label, got {self.logits.shape}")
        seal(self)


@dataclass(frozen=True, slots=True)
class BankFacts:
    """Which bank of familiar pictures frames were compared with: copied into every report.

    Attributes:
        sha256: of the bank's file.
        method: how it tells strangers.
        threshold: a frame whose OOD score is above it is a stranger.
        false_alarms: the share of familiar frames that were to be called strangers.
    """

    sha256: str
    method: str
    threshold: float
    false_alarms: float


@dataclass(frozen=True, slots=True, eq=False)
class FrameScores:
    """The frames of one video stream that were sampled, row i of each array being frame i.

    Attributes:
        labels: names of the L labels, in column order.
        stream: index of the video stream among the file's video streams, from 0.
        duration_ms: length of the video.
        timestamps_ms: shape (N,), int64, strictly increasing, each in [0, duration_ms).
        pts: shape (N,), int64, in the stream's time base.
        looks: shape (N,), uint8, values of Look.
        gates: shape (N,), uint8, values of Gate.
        scores: shape (N, L), float32 in [0, 1]; a row is NaN where the frame was not scored.
        ood: shape (N,), float32, higher = less like what the model knows; NaN where not computed.
        examined: spans that need no sample of their own: nothing new can be seen in them.
        cuts_ms: when a new shot was seen to begin, in order; not every cut is found.
        bank: what `ood` was measured against; None where there is no bank.
    """

    labels: tuple[str, ...]
    stream: int
    duration_ms: int
    timestamps_ms: NDArray[np.int64]
    pts: NDArray[np.int64]
    looks: NDArray[np.uint8]
    gates: NDArray[np.uint8]
    scores: NDArray[np.float32]
    ood: NDArray[np.float32]
    examined: tuple[Span, ...]
    cuts_ms: tuple[int, ...]
    bank: BankFacts | None = None

    def __post_init__(self) -> None:
        n = len(self.timestamps_ms)
        require_array("timestamps_ms", self.timestamps_ms, np.int64, (n,))
        require_array("pts", self.pts, np.int64, (n,))
        require_array("looks", self.looks, np.uint8, (n,))
        require_array("gates", self.gates, np.uint8, (n,))
        require_array("scores", self.scores, np.float32, (n, len(self.labels)))
        require_array("ood", self.ood, np.float32, (n,))
        _require_increasing_times(self.timestamps_ms, self.duration_ms)
        _require_scores("scores", self.scores)
        _require_values("looks", self.looks, Look)
        _require_values("gates", self.gates, Gate)
        seal(self)


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Categories by frames of one video stream: what the judging works on.

    Attributes:
        categories: names of the K categories of the policy, in its order.
        stream: index of the video stream, from 0.
        duration_ms: length of the video.
        timestamps_ms: shape (N,), int64, strictly increasing, each in [0, duration_ms).
        looks: shape (N,), uint8, values of Look.
        gates: shape (N,), uint8, values of Gate.
        confidences: shape (N, K), float32 in [0, 1]; a row is NaN where the frame is bad.
        uncovered: spans outside the sampling guarantee, in order, apart from one another.
        cuts_ms: when a new shot was seen to begin, in order.
        strangers: shape (N,), bool, which frames are good and unlike what the model knows; None
            where there is no bank to tell them by.
    """

    categories: tuple[str, ...]
    stream: int
    duration_ms: int
    timestamps_ms: NDArray[np.int64]
    looks: NDArray[np.uint8]
    gates: NDArray[np.uint8]
    confidences: NDArray[np.float32]
    uncovered: tuple[Span, ...]
    cuts_ms: tuple[int, ...]
    strangers: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        n = len(self.timestamps_ms)
        if self.strangers is not None:
            require_array("strangers", self.strangers, np.bool_, (n,))
        require_array("timestamps_ms", self.timestamps_ms, np.int64, (n,))
        require_array("looks", self.looks, np.uint8, (n,))
        require_array("gates", self.gates, np.uint8, (n,))
        require_array("confidences", self.confidences, np.float32, (n, len(self.categories)))
        _require_increasing_times(self.timestamps_ms, self.duration_ms)
        _require_scores("confidences", self.confidences)
        seal(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """One category's line in a policy.

    Attributes:
        category: its name, as people read it.
        labels: the model's labels that make it up.
        review: the confidence at or above which a person looks.
        block: the confidence at or above which the machine blocks; None = never.
        min_duration_ms: a segment shorter than this does not fire the rule.
        is_strict: whether one unconfirmed frame at or above `review` is enough for a review.
        severity: how grave it is when certain, 1 to 4.
    """

    category: str
    labels: tuple[str, ...]
    review: float
    block: float | None
    min_duration_ms: int
    is_strict: bool
    severity: int

    def __post_init__(self) -> None:
        if not self.category or not self.labels:
            raise ValueError(f"a rule needs a category and at least one label, got {self}")
        if not 0 < self.review <= 1:
            raise ValueError(f"review must lie in (0, 1], got {self.review}")
        if self.block is not None and not self.review <= self.block <= 1:
            raise ValueError(f"block must lie in [review, 1], got {self.block}")
        if self.min_duration_ms < 0:
            raise ValueError(f"min_duration_ms must not be negative, got {self.min_duration_ms}")
        if not 1 <= self.severity <= MAX_SEVERITY:
            raise ValueError(f"severity must lie in 1..{MAX_SEVERITY}, got {self.severity}")


@dataclass(frozen=True, slots=True)
class GateThresholds:
    """Where the gate draws its lines; units are those of Quality.

    Attributes:
        black_below: a frame is black with a brightness below this and a contrast below twice this.
        flat_below: a frame with a contrast below this is flat.
        blur_below: a frame with a sharpness below this is blurred.
        frozen_below: a frame is frozen if no cell of its signature differs from the last scored
            frame's by this much (levels of 255).
        letterbox_below: a frame with bars at two sides is letterboxed if what is between them takes
            up less than this share of it, 0 to 1.
        small_below: with plain margins at all sides, what a frame shows is too small below this
            share, 0 to 1.
        overlay_above: a frame is overlaid if more than this share, 0 to 1, of what it shows is of
            one plain colour.
        close_above: a frame is too close if its rim and its middle are more alike than this, 0 to
            1; 1 = never.
    """

    black_below: float
    flat_below: float
    blur_below: float
    frozen_below: int
    letterbox_below: float
    small_below: float
    overlay_above: float
    close_above: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What one video may ask of the machine."""

    max_pixels: int
    max_duration_ms: int
    max_frames: int
    max_cpu_s: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What is moderated, how closely a video is looked at, and which doubts call for a person.

    Attributes:
        policy_id: its name.
        version: counts up with each change.
        sha256: of the file's bytes.
        model: id of the model that the rules' labels belong to.
        rules: one a category, in the order of the file, at least one.
        max_gap_ms: no more time than this passes between two sampled frames.
        merge_gap_ms: segments closer than this are one.
        max_confirmations: how many peaks a category the second look goes back to.
        doubts: those of the ReasonKinds that turn a pass into a review.
        min_good_share: share of sampled frames that must be good, 0 to 1.
        examination: by what the sampler sees that something new is shown between two samples.
        gate: where the gate draws its lines.
        limits: what one video may ask of the machine.
        max_unfamiliar_share: share of good frames that may be unlike what the model knows, 0 to 1;
            None where the doubt is not listed and no share was given.
    """

    policy_id: str
    version: int
    sha256: str
    model: str
    rules: tuple[Rule, ...]
    max_gap_ms: int
    merge_gap_ms: int
    max_confirmations: int
    doubts: frozenset[ReasonKind]
    min_good_share: float
    examination: Examination
    gate: GateThresholds
    limits: Limits
    max_unfamiliar_share: float | None = None

    def __post_init__(self) -> None:
        if ReasonKind.UNFAMILIAR in self.doubts and self.max_unfamiliar_share is None:
            raise ValueError("the doubt 'unfamiliar' needs max_unfamiliar_share")
        names = [rule.category for rule in self.rules]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a policy needs rules with distinct categories, got {names}")
        if self.max_gap_ms <= 0 or self.merge_gap_ms < 0 or self.max_confirmations < 0:
            raise ValueError(f"max_gap_ms must be positive, the others not negative: {self}")

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the K categories, in the order of the file."""
        return tuple(rule.category for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Segment:
    """A half-open span where one category stands at or above its review threshold.

    Attributes:
        category: its name.
        stream: index of the video stream, from 0.
        start_ms: timestamp of the first frame at or above the threshold.
        end_ms: timestamp of the first frame after it that is not, or the video's end.
        max_score: the highest confidence of its frames.
        mean_score: the mean confidence of its frames.
        frames: how many good frames lie in it, at least 1.
        peak_ms: timestamp of the frame with the highest confidence.
        is_confirmed: whether the second look bore its peak out.
    """

    category: str
    stream: int
    start_ms: int
    end_ms: int
    max_score: float
    mean_score: float
    frames: int
    peak_ms: int
    is_confirmed: bool

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms <= self.peak_ms < self.end_ms:
            raise ValueError(f"a segment needs start_ms <= peak_ms < end_ms, got {self}")


@dataclass(frozen=True, slots=True)
class Reason:
    """What stands behind a verdict: a rule that fired, or a doubt by its name.

    `category`, `confidence`, `threshold` and the times are None where the reason is not about
    one; `detail` is one line for people, empty where the numbers say it all.
    """

    kind: ReasonKind
    category: str | None = None
    confidence: float | None = None
    threshold: float | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The pipeline's answer: a pure function of timeline and policy.

    Attributes:
        outcome: the word.
        severity: 0 (nothing) to 4.
        reasons: what stands behind it, the gravest first; empty only for `pass`.
    """

    outcome: Outcome
    severity: int
    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= MAX_SEVERITY:
            raise ValueError(f"severity must lie in 0..{MAX_SEVERITY}, got {self.severity}")
        if self.outcome is not Outcome.PASS and not self.reasons:
            raise ValueError(f"a verdict of {self.outcome} needs a reason")


@dataclass(frozen=True, slots=True)
class CategorySummary:
    """How one category stands over the whole video.

    Attributes:
        category: its name.
        confidence: the highest peak, each peak the second look went to replaced by its median;
            0.0 to 1.0, NaN where no frame was scored.
        seconds_over: how long its segments are together.
        longest_ms: how long the longest is.
    """

    category: str
    confidence: float
    seconds_over: float
    longest_ms: int


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A half-open span of which the model's scores say nothing, and why."""

    start_ms: int
    end_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """One of the few moments of a video that a person is shown first.

    Events are peaks, apart from one another by non-maximum suppression, worst first.
    """

    timestamp_ms: int
    category: str
    confidence: float
    is_confirmed: bool
    stream: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that judging makes of a video's timelines.

    Attributes:
        verdict: the answer with its reasons.
        categories: one summary a category, in the policy's order.
        segments: of all categories and streams, by start, then category.
        unjudged: spans that no good frame speaks for, by start.
        events: the moments to show first, worst first.
        coverage: share of the duration inside the sampling guarantee, 0 to 1; the lowest of
            the streams.
        frames_scored: how many frames the model scored.
        frames_rejected: how many of the sampled frames were bad.
    """

    verdict: Verdict
    categories: tuple[CategorySummary, ...]
    segments: tuple[Segment, ...]
    unjudged: tuple[Unjudged, ...]
    events: tuple[Event, ...]
    coverage: float
    frames_scored: int
    frames_rejected: int


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container says of a video, and what was counted.

    Attributes:
        container: FFmpeg's name of the format.
        codec: FFmpeg's name of the codec of the video stream that has most frames.
        duration_ms: from the first frame's start to the last one's end.
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        rotation_deg: the rotation that was applied, one of 0, 90, 180, 270.
        frame_rate: mean frames per second.
        is_vfr: whether the frames are unevenly spaced.
        streams: how many video streams there are.
    """

    container: str
    codec: str
    duration_ms: int
    width: int
    height: int
    rotation_deg: int
    frame_rate: float
    is_vfr: bool
    streams: int


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model scored, and on what: copied into every report."""

    model_id: str
    version: str
    sha256: str
    providers: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnails:
    """Small pictures of the sampled frames of one video stream, for the drawings.

    Attributes:
        stream: index of the video stream, from 0.
        timestamps_ms: shape (N,), int64, strictly increasing.
        jpegs: N JPEG files in memory, each in the video's own aspect ratio, at most 160 px wide
            and high.
    """

    stream: int
    timestamps_ms: NDArray[np.int64]
    jpegs: tuple[bytes, ...]

    def __post_init__(self) -> None:
        require_array("timestamps_ms", self.timestamps_ms, np.int64, (len(self.jpegs),))
        seal(self)


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the CPU seconds of one scan went."""

    decode_s: float
    score_s: float
    draw_s: float


@dataclass(frozen=True, slots=True)
class DamageKeys:
    """What could not be decoded, each thing by its key: seen twice, it is still one thing.

    Attributes:
        lost: packets that could not be decoded, each (number of its stream in the file, pts);
            (-1, None) stands for what a decoder still held.
        marred: decoded pictures that are damaged, each (video stream, pts).
        misplaced: decoded pictures that did not come in order of time, each (video stream, pts).
    """

    lost: frozenset[tuple[int, int | None]] = frozenset()
    marred: frozenset[tuple[int, int]] = frozenset()
    misplaced: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class ChunkScan:
    """What was seen of one chunk of a video, or of several that were joined.

    The times of frames and spans are on the clock of the whole video, and `duration_ms` is its.

    Attributes:
        span: the part of the video that was sampled. Frames may lie outside of it: the keyframe
            with which the next chunk begins, and those that the second look went to.
        frames: one a video stream of the file, in order; empty where none of it begins in the span.
        thumbnails: one a video stream, of the same frames.
        damage: what could not be decoded.
        timings: where the CPU seconds went.
    """

    span: Span
    frames: tuple[FrameScores, ...]
    thumbnails: tuple[Thumbnails, ...]
    damage: DamageKeys
    timings: Timings

    def __post_init__(self) -> None:
        if not self.frames:
            raise ValueError("a chunk needs at least one video stream")
        if any(frames.bank != self.frames[0].bank for frames in self.frames):
            raise ValueError("all streams of a chunk must be compared with one bank")
        for frames, thumbnails in zip(self.frames, self.thumbnails, strict=True):
            if frames.stream != thumbnails.stream or not np.array_equal(
                frames.timestamps_ms, thumbnails.timestamps_ms
            ):
                raise ValueError(f"stream {frames.stream}: the thumbnails are not of its frames")

    @property
    def duration_ms(self) -> int:
        """The length of the whole video."""
        return self.frames[0].duration_ms


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is written down about one submission.

    Attributes:
        submission_id: "sha256:" and the hash of the file's bytes.
        tag: what the caller calls it; may be empty.
        source: the file, as it was given.
        video: None where the file could not be opened as a video.
        model: which model scored.
        policy_id: name of the policy.
        policy_version: its version.
        policy_sha256: hash of the policy file's bytes.
        max_gap_ms: the policy's sampling promise.
        judgement: the verdict and all that led to it.
        artifacts: kind of artifact to file name, beside the report.
        timings: where the CPU seconds went.
        bank: which bank strangers were told by; None where there was none.
    """

    submission_id: str
    tag: str
    source: Path
    video: VideoFacts | None
    model: ModelFacts
    policy_id: str
    policy_version: int
    policy_sha256: str
    max_gap_ms: int
    judgement: Judgement
    artifacts: tuple[tuple[str, str], ...]
    timings: Timings
    bank: BankFacts | None = None


def _require_increasing_times(timestamps_ms: NDArray[np.int64], duration_ms: int) -> None:
    if np.any(np.diff(timestamps_ms, prepend=-1, append=duration_ms) <= 0):
        raise ValueError(f"timestamps_ms must increase strictly in [0, {duration_ms})")


def _require_values(name: str, values: NDArray[np.uint8], known: type[IntEnum]) -> None:
    if np.any(values >= len(known)):
        raise ValueError(f"{name} must be values of {known.__name__}")


def _require_scores(name: str, values: NDArray[np.float32]) -> None:
    if not np.all((values >= 0) & (values <= 1) | np.isnan(values)):
        raise ValueError(f"{name} must lie in [0, 1] or be NaN")
