"""What `heatreel ood` does; the options are in `workers.ood_cli`."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import (
    DecoderDiedError,
    LimitExceededError,
    PolicyError,
    ReportError,
    UnreadableVideoError,
)
from pipeline.learning.bank import Bank, Detector, Method
from pipeline.learning.bank_file import read_detector, write_bank
from pipeline.learning.bank_fit import choose_method, fit_bank
from pipeline.outputs.atomic import find_reports, write_atomically
from pipeline.outputs.names import escape_surrogates, to_printable
from pipeline.outputs.report_json import REPORT_NAME, read
from pipeline.policies.read import find_policy
from pipeline.records import ModelOutputs, Outcome, Policy
from pipeline.scoring.session import Scorer
from pipeline.sights import see_picture, see_video, thin_out, to_examples
from workers.batch import EXIT_BAD_INPUT, EXIT_ERROR, EXIT_PASS, EXIT_REVIEW, ModelChoice
from workers.console import show_progress
from workers.decoding import open_decoder
from workers.folders import identify
from workers.interrupts import remembered_interrupts
from workers.videos import PICTURE_ENDINGS, VIDEO_ENDINGS, Found, find_videos

# Frames that are kept while a bank is fitted, of all files and at least of one: 0.4 GB at most
# but where there are more than 2,000 videos.
MAX_FRAMES, MIN_FRAMES = 40_000, 20


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What `heatreel ood fit` was asked for.

    Attributes:
        paths: files, folders, patterns.
        passed: a folder of outputs whose passed videos count too; None = none.
        out: the bank's file.
        policy: whose gate and limits hold.
        model: which model sees; its name None = the policy's.
        false_alarms: the share of familiar frames that may be called strangers.
        method: how strangers are told; None = by what the model offers.
        seed: chooses what is held out.
    """

    paths: tuple[str, ...]
    passed: Path | None
    out: Path
    policy: str
    model: ModelChoice
    false_alarms: float
    method: Method | None
    seed: int


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What `heatreel ood score` was asked for; see FitRequest.

    Attributes:
        bank: what frames are compared with.
        paths: files, folders, patterns.
        policy: whose gate and limits hold, and how many strangers make a video one.
        model: which model sees; its name None = the bank's.
        is_json: whether machines read what is printed.
    """

    bank: Path
    paths: tuple[str, ...]
    policy: str
    model: ModelChoice
    is_json: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """How unlike the bank one file is.

    Attributes:
        path: the file.
        score: the median of its frames', higher = less like the bank.
        strangers: how many of its good frames are above the bank's threshold.
        frames: how many good frames it has, at least 1.
        is_stranger: whether more of them are strangers than the policy allows.
    """

    path: Path
    score: float
    strangers: int
    frames: int
    is_stranger: bool


def run_fit(request: FitRequest) -> int:
    """Fit a bank and write it."""
    policy = find_policy(request.policy)
    found = _find_files(request.paths, request.passed)
    if not found.videos:
        return EXIT_BAD_INPUT
    scorer = request.model.open(request.model.find(policy.model))
    most = max(MIN_FRAMES, MAX_FRAMES // len(found.videos))
    seen: list[ModelOutputs] = []

    def keep(_path: Path, outputs: ModelOutputs) -> str:
        seen.append(thin_out(outputs, most))
        return ""

    _see_each(found.videos, policy, scorer, keep)
    examples = to_examples(seen)
    bank = fit_bank(
        examples,
        scorer.facts,
        method=request.method or choose_method(examples),
        false_alarms=request.false_alarms,
        rng=np.random.default_rng(request.seed),
    )
    write_atomically(request.out, write_bank(bank))
    sys.stdout.write(f"{say_bank(bank, request.out)}\n")
    return _exit_code(found, read=len(seen), has_strangers=False)


def run_score(request: ScoreRequest) -> int:
    """Print a line a file, and say by the exit code whether one is a stranger."""
    policy = find_policy(request.policy)
    share = policy.max_unfamiliar_share
    if share is None:
        raise PolicyError(f"{request.policy}: has no max_unfamiliar_share to tell strangers by")
    detector = read_detector(request.bank)
    found = _find_files(request.paths, None)
    if not found.videos:
        return EXIT_BAD_INPUT
    scorer = request.model.open(request.model.find(detector.bank.model_id))
    detector.require_model(scorer.facts)
    scored: list[Scored] = []

    def compare(path: Path, outputs: ModelOutputs) -> str:
        scored.append(score_file(path, outputs, detector, max_share=share))
        return f"{(_to_json if request.is_json else say_scored)(scored[-1])}\n"

    _see_each(found.videos, policy, scorer, compare)
    is_stranger = any(one.is_stranger for one in scored)
    return _exit_code(found, read=len(scored), has_strangers=is_stranger)


def score_file(
    path: Path, outputs: ModelOutputs, detector: Detector, *, max_share: float
) -> Scored:
    """Compare the good frames of a file with a bank; what is no number counts as a stranger."""
    scores = detector.score(outputs)
    frames = len(scores)
    strangers = frames - int(np.count_nonzero(scores <= np.float32(detector.facts.threshold)))
    is_stranger = strangers > max_share * frames
    return Scored(path, float(np.median(scores)), strangers, frames, is_stranger)


def say_bank(bank: Bank, path: Path) -> str:
    """Return what a bank is made of, in a line."""
    familiar = bank.familiar
    rows = f"{len(familiar.features):,} frames of " if len(familiar.features) else ""
    return (
        f"{to_printable(str(path))}: {bank.model_id}, {familiar.method}, {rows}{bank.sources:,} "
        f"files; a frame above {bank.threshold:.4g} is a stranger, set for "
        f"{100 * bank.false_alarms:g} % false alarms on {len(bank.held_out):,} frames of "
        f"{bank.held_out_sources:,} other files"
    )


def say_scored(one: Scored) -> str:
    """Return how unlike the bank a file is, in a line."""
    word = "STRANGER" if one.is_stranger else "familiar"
    counts = f"{one.strangers} of {one.frames}"
    return f"{word} {one.score:8.4f}  {counts:>10}  {to_printable(str(one.path))}"


def _to_json(one: Scored) -> str:
    return json.dumps(
        {
            "path": escape_surrogates(str(one.path)),
            "score": one.score if np.isfinite(one.score) else None,
            "strangers": one.strangers,
            "frames": one.frames,
            "is_stranger": one.is_stranger,
        }
    )


def _find_files(asked: Sequence[str], passed: Path | None) -> Found:
    found = find_videos(asked, endings=VIDEO_ENDINGS | PICTURE_ENDINGS, noun="pictures or videos")
    more = _find_passed(passed) if passed else Found((), ())
    videos = {path.absolute(): path for path in (*found.videos, *more.videos)}
    for fault in (faults := (*found.faults, *more.faults)):
        _complain(fault)
    if not videos:
        _complain("there are no pictures and no videos")
    return Found(tuple(videos.values()), faults)


def _find_passed(out: Path) -> Found:
    """Return the videos whose reports say `pass`, as far as they are what was scanned."""
    videos, faults = [], []
    for folder in find_reports(out):
        try:
            report = read(folder / REPORT_NAME)
        except ReportError as fault:
            faults.append(str(fault))
            continue
        if report.judgement.verdict.outcome is not Outcome.PASS:
            continue
        if identify(report.source) == report.submission_id:
            videos.append(report.source)
        else:
            faults.append(f"{report.source}: is gone, or is not what was scanned")
    if not videos and not faults:
        faults.append(f"{out}: no report there says `pass`")
    return Found(tuple(videos), tuple(faults))


def _see_each(
    paths: Sequence[Path],
    policy: Policy,
    scorer: Scorer,
    hear: Callable[[Path, ModelOutputs], str],
) -> None:
    """Tell *hear* what the model makes of each file, and print what it says; complain of others."""
    with (
        open_decoder() as decoder,
        remembered_interrupts() as check,
        show_progress(paths) as display,
    ):
        for i, path in enumerate(paths):
            check()
            display.move(i, 0.0)
            try:
                see = see_picture if path.suffix.lower() in PICTURE_ENDINGS else see_video
                outputs = see(path, policy=policy, scorer=scorer, decoder=decoder)
            except (UnreadableVideoError, LimitExceededError, DecoderDiedError) as fault:
                _complain(f"{path}: {fault}")
                continue
            if len(outputs.scores):
                display.say(hear(path, outputs))
            else:
                _complain(f"{path}: has no good frame")


def _exit_code(found: Found, *, read: int, has_strangers: bool) -> int:
    if found.faults:
        return EXIT_BAD_INPUT
    if read < len(found.videos):
        return EXIT_ERROR
    return EXIT_REVIEW if has_strangers else EXIT_PASS


def _complain(fault: object) -> None:
    sys.stdout.flush()
    for line in str(fault).splitlines():
        sys.stderr.write(f"heatreel: {to_printable(line)}\n")
