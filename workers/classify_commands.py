"""What `heatreel classify` does; its options are in `workers.classify_cli`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.classified import Classified, VoteOutcome
from pipeline.classify import Judges, Strangeness, classify
from pipeline.drawing.thumbnails import Pictures
from pipeline.drawing.vote_sheet import draw_vote_sheet
from pipeline.judging.confidences import require_candidate_labels
from pipeline.judging.titles import read_title
from pipeline.learning.bank_file import read_detector
from pipeline.media.here import Decoder
from pipeline.outputs.atomic import write_atomically
from pipeline.outputs.classified_json import to_line
from pipeline.outputs.names import to_printable
from pipeline.policies.candidates import find_candidates
from pipeline.votes import VoteRule
from pipeline.wording.votes import (
    say_doubts,
    say_picture,
    say_standings,
    say_turnout,
    say_where,
)
from workers.batch import EXIT_BAD_INPUT, EXIT_ERROR, EXIT_PASS, EXIT_REVIEW, ModelChoice
from workers.decoding import open_decoder
from workers.interrupts import remembered_interrupts
from workers.picture_sets import FoundSets, find_one_set, find_sets_by_folder

WORD_CHARS = max(len(outcome) for outcome in VoteOutcome)


@dataclass(frozen=True, slots=True)
class ClassifyRequest:
    """What `heatreel classify` was asked for.

    Attributes:
        paths: files and folders.
        candidates: a built-in's name, or the path of a candidates file.
        text: the title; may be empty.
        rule: how the votes are counted.
        is_each_folder: whether each sub-folder is a submission of its own; else all paths are one.
        bank: what strangers are told by; None = nobody looks for them.
        model: which model scores, and on what.
        sheet: where the vote is drawn; None = nowhere.
        pictures: how pictures are drawn.
        is_json: whether the output is for machines.
    """

    paths: tuple[str, ...]
    candidates: str
    text: str
    rule: VoteRule
    is_each_folder: bool
    bank: Path | None
    model: ModelChoice
    sheet: Path | None
    pictures: Pictures
    is_json: bool


def run_classify(request: ClassifyRequest) -> int:
    """Classify what was asked for, print what each submission came to, and return the exit code."""
    with open_decoder() as decoder:
        return _classify(request, _open_judges(request, decoder))


def _classify(request: ClassifyRequest, judges: Judges) -> int:
    max_files = judges.candidates.max_pictures
    find = find_sets_by_folder if request.is_each_folder else find_one_set
    found = find(request.paths, max_files=max_files)
    for fault in found.faults:
        sys.stderr.write(f"heatreel: {fault}\n")
    outcomes = set[VoteOutcome]()
    for classified in _classify_all(found, request, judges):
        _tell(classified, request)
        outcomes.add(classified.outcome)
    if found.faults or not found.sets:
        return EXIT_BAD_INPUT
    if VoteOutcome.ERROR in outcomes:
        return EXIT_ERROR
    return EXIT_REVIEW if VoteOutcome.REVIEW in outcomes else EXIT_PASS


def say_classified(classified: Classified) -> str:
    """Return what a submission came to, for people: the answer, why, and a line a picture."""
    vote = classified.vote
    word = classified.outcome.upper().ljust(WORD_CHARS)
    if vote is None:
        said = f"{word} {classified.error}"
    elif vote.answer is not None:
        said = f"{word} {vote.answer}  ({say_standings(vote)})"
    else:
        said = f"{word} to a person: {say_doubts(vote)}"
        said += f"  ({say_standings(vote)})" if vote.best else ""
    lines = [f"{said}  {classified.name}"]
    lines += [part for part in [say_turnout(classified)] if part]
    if vote is not None:
        pairs = zip(classified.pictures, vote.pictures, strict=True)
        lines += [f"  {say_where(seen)}: {say_picture(seen, voted)}" for seen, voted in pairs]
    lines += [f"  {each.path}: could not be read: it {each.why}" for each in classified.unread]
    return "".join(f"{to_printable(line)}\n" for line in lines)


def _open_judges(request: ClassifyRequest, decoder: Decoder) -> Judges:
    candidates = find_candidates(request.candidates)
    manifest = request.model.find(candidates.model)
    require_candidate_labels(candidates, manifest.labels)
    scorer = request.model.open(manifest)
    strangeness = None
    if request.bank is not None:
        detector = read_detector(request.bank)
        detector.require_model(scorer.facts)
        strangeness = Strangeness(detector.score, detector.facts)
    return Judges(candidates, scorer, decoder, request.rule, read_title, strangeness)


def _classify_all(
    found: FoundSets, request: ClassifyRequest, judges: Judges
) -> Iterator[Classified]:
    with remembered_interrupts() as check:
        for each in found.sets:
            check()
            yield classify(each.name, each.paths, request.text, judges)


def _tell(classified: Classified, request: ClassifyRequest) -> None:
    say = to_line if request.is_json else say_classified
    sys.stdout.write(say(classified))
    sys.stdout.flush()
    if request.sheet:
        write_atomically(request.sheet, draw_vote_sheet(classified, pictures=request.pictures))
