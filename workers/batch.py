"""Many videos, one after the other: each gets its report, none stops the others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import DecoderDiedError, UnavailableError
from pipeline.judging.timeline import require_labels
from pipeline.learning.bank import Detector
from pipeline.learning.bank_file import read_detector
from pipeline.media.remote import DecoderProcess
from pipeline.outputs.atomic import is_done, prepare_folder
from pipeline.outputs.formats import Entry
from pipeline.outputs.report_json import REPORT_NAME, read
from pipeline.policies.read import find_policy
from pipeline.records import Outcome, Policy, Reason, ReasonKind, Report, Timings
from pipeline.scan import Scan, Subject, error_scan, scan_video, write_scan
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.contract import Manifest
from pipeline.scoring.session import Scorer, open_scorer
from workers.folders import choose_folder, find_namesakes, identify

DECODER_LIVES = 2

EXIT_PASS, EXIT_REVIEW, EXIT_BAD_INPUT, EXIT_MISSING, EXIT_ERROR = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model scores, and on what; see open_scorer.

    Attributes:
        name: a built-in's, or the path of a model.toml; None = the one that the policy is for.
        device: where it runs.
        device_id: which CUDA device.
        precision: what it computes in.
        threads: CPU threads of the model, 0 for one a core. Decoding has a thread of its own; a
            second one for the model costs CPU and, on two cores, time.
    """

    name: str | None = None
    device: Device = Device.AUTO
    device_id: int = 0
    precision: Precision = Precision.FP32
    threads: int = 1

    def find(self, usual: str) -> Manifest:
        """Return the manifest of the model, the usual one where none is named.

        Raises:
            ModelError: if it is not there, or is wrong.
        """
        return find_model(self.name or usual, cache=default_cache())

    def open(self, manifest: Manifest) -> Scorer:
        """Load a model; see `open_scorer` for the errors."""
        return open_scorer(
            manifest,
            device=self.device,
            device_id=self.device_id,
            precision=self.precision,
            threads=self.threads,
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """What every video of a batch is scanned with.

    Attributes:
        policy: what is moderated.
        scorer: the model, loaded.
        style: how the pictures are drawn.
        tag: what the caller calls the batch; may be empty.
        is_forced: whether videos are scanned whose report is there already.
        detector: tells strangers; None = they are not told.
    """

    policy: Policy
    scorer: Scorer
    style: HeatmapStyle
    tag: str
    is_forced: bool
    detector: Detector | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One video of a batch, judged.

    Attributes:
        entry: its path, folder and report.
        is_new: whether it was scanned now; else its report was there already.
    """

    entry: Entry
    is_new: bool

    @property
    def outcome(self) -> Outcome:
        """The word of its verdict."""
        return self.entry.report.judgement.verdict.outcome


@dataclass(frozen=True, slots=True)
class Totals:
    """What a batch came to.

    Attributes:
        outcomes: how many videos got which verdict; only those that came up, gravest first.
        unchanged: how many of them were not scanned again.
        video_s: seconds of video that were scanned.
        frames: frames that were scored.
        cpu_s: CPU seconds that scanning them took.
    """

    outcomes: tuple[tuple[Outcome, int], ...]
    unchanged: int
    video_s: float
    frames: int
    cpu_s: float


def open_setup(  # noqa: PLR0913 - all that a batch is scanned with
    policy: str,
    model: ModelChoice,
    *,
    style: HeatmapStyle,
    tag: str,
    is_forced: bool,
    bank: Path | None = None,
) -> Setup:
    """Read a policy and load a model, the policy's own unless another is named.

    Raises:
        PolicyError: if the policy is wrong, or speaks of labels that the model does not know.
        ModelError: if the model or the bank is not there, or is wrong, or the two do not belong
            together.
        BackendUnavailableError: if CUDA was asked for and does not come up.
    """
    rules = find_policy(policy)
    manifest = model.find(rules.model)
    require_labels(rules, manifest.labels)
    scorer = model.open(manifest)
    detector = None if bank is None else read_detector(bank)
    if detector is not None:
        detector.require_model(scorer.facts)
    return Setup(rules, scorer, style, tag, is_forced, detector)


def scan_all(
    videos: Sequence[Path],
    out: Path,
    setup: Setup,
    decoder: DecoderProcess,
    *,
    on_progress: Callable[[int, float], None],
) -> Iterator[Judged]:
    """Scan *videos* into folders of *out*, and yield each as soon as its report is written.

    Args:
        videos: the files; one that is no video gets a verdict of `error`.
        out: the folder of folders; it is made if need be.
        setup: what they are scanned with.
        decoder: the child that decodes them; a video that it dies of again and again gets `error`.
        on_progress: is told which video, counted from 0, and how much of it is done, 0 to 1.

    Raises:
        BackendUnavailableError: if the device is lost.
        UnavailableError: if a report cannot be written.
    """
    namesakes = find_namesakes(videos)
    for i, video in enumerate(videos):
        on_progress(i, 0.0)
        submission_id = identify(video)
        folder = choose_folder(out, video, submission_id, has_namesake=video in namesakes)
        report = None if setup.is_forced else _find_done(folder, submission_id, setup)
        if report is None:
            scan = _scan(video, submission_id, setup, decoder, partial(on_progress, i))
            yield Judged(Entry(video, folder, _write(scan, folder, setup)), is_new=True)
        else:
            yield Judged(Entry(video, folder, report), is_new=False)
        on_progress(i, 1.0)


def add_up(judged: Sequence[Judged]) -> Totals:
    """Return what a batch came to."""
    new = [one.entry.report for one in judged if one.is_new]
    counts = [(outcome, sum(one.outcome is outcome for one in judged)) for outcome in Outcome]
    return Totals(
        outcomes=tuple((outcome, count) for outcome, count in reversed(counts) if count),
        unchanged=len(judged) - len(new),
        video_s=sum(report.video.duration_ms for report in new if report.video) / 1000,
        frames=sum(report.judgement.frames_scored for report in new),
        cpu_s=sum(sum(astuple(report.timings)) for report in new),
    )


def exit_code(judged: Sequence[Judged], *, has_bad_input: bool) -> int:
    """Return the exit code of a batch that ran: what calls for a hand first.

    2 where a path came to nothing, else 4 where a video could not be judged, else 1 where one is
    to be reviewed or blocked, else 0. (3 is for a batch that did not run.)
    """
    outcomes = {one.outcome for one in judged}
    if has_bad_input:
        return EXIT_BAD_INPUT
    if Outcome.ERROR in outcomes:
        return EXIT_ERROR
    return EXIT_REVIEW if outcomes & {Outcome.REVIEW, Outcome.BLOCK} else EXIT_PASS


def _find_done(folder: Path, submission_id: str, setup: Setup) -> Report | None:
    """Return the report of the same bytes, model, policy and bank, None where there is none."""
    sha256 = setup.scorer.facts.sha256
    policy_sha256 = setup.policy.sha256
    if is_done(
        folder,
        submission_id,
        model_sha256=sha256,
        policy_sha256=policy_sha256,
        bank_sha256=setup.detector.facts.sha256 if setup.detector else None,
    ):
        return read(folder / REPORT_NAME)
    return None


def _scan(
    video: Path,
    submission_id: str,
    setup: Setup,
    decoder: DecoderProcess,
    on_progress: Callable[[float], None],
) -> Scan:
    """Scan a video; one that the decoder dies of, again and again, cannot be judged."""
    died = ""
    for _ in range(DECODER_LIVES):
        try:
            return scan_video(
                video,
                submission_id=submission_id,
                policy=setup.policy,
                scorer=setup.scorer,
                decoder=decoder,
                tag=setup.tag,
                on_progress=on_progress,
                detector=setup.detector,
            )
        except DecoderDiedError as error:
            died = str(error)
    subject = Subject(submission_id, setup.tag, video, setup.policy, setup.scorer.facts)
    reason = Reason(ReasonKind.ABANDONED, detail=f"given up after {DECODER_LIVES} attempts: {died}")
    return error_scan(subject, None, reason, timings=Timings(0.0, 0.0, 0.0))


def _write(scan: Scan, folder: Path, setup: Setup) -> Report:
    try:
        prepare_folder(folder)
        return write_scan(scan, folder, policy=setup.policy, style=setup.style)
    except OSError as error:
        raise UnavailableError(f"{folder}: cannot be written: {error.strerror}") from error
