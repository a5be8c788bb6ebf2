"""What `heatreel groups` does; the options are in `workers.groups_cli`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.drawing.thumbnails import Pictures as Shown
from pipeline.errors import FactsError
from pipeline.gathering import require_features, to_pictures
from pipeline.learning.asking import Reply, settled_per_s
from pipeline.learning.cards import Card
from pipeline.learning.facts import Answer, Forgotten, facts_of, forget
from pipeline.outputs.names import escape_surrogates, to_printable
from pipeline.policies.read import find_policy
from pipeline.scoring.session import Scorer
from workers.batch import EXIT_BAD_INPUT, EXIT_ERROR, ModelChoice
from workers.cards_file import Cards, cards_path, read_cards, write_cards
from workers.console import show_progress
from workers.decoding import open_decoder
from workers.faces_manifest import open_face_models
from workers.facts_file import read_facts, rewrite_facts
from workers.folders import identify
from workers.groups_asking import ask, count_of, draw, say, say_answer, say_totals
from workers.groups_pictures import Library, See, see_all, see_faces, see_pictures
from workers.groups_session import (
    Session,
    call_by_name,
    now_ms,
    read_agreeing,
    write_answer,
    write_undo,
)
from workers.groups_words import Misheard, hear, say_question
from workers.interrupts import remembered_interrupts
from workers.videos import PICTURE_ENDINGS, VIDEO_ENDINGS, Found, find_videos


@dataclass(frozen=True, slots=True)
class GroupsRequest:
    """What `heatreel groups PATHS` was asked for.

    Attributes:
        paths: files, folders, patterns.
        facts: the file of what people said.
        model: whose features group the pictures.
        faces: the file that names the face models; None = pictures are grouped, not faces.
        policy: how closely videos are looked at, and what is a bad picture.
        cut: cosine distance at which groups are cut; None = found from the pictures.
        min_settled: how many different pictures a question must settle.
        most: how many questions at most.
        sheet: the folder for drawn cards; None = none are drawn.
        shown: how pictures are drawn on them.
        is_asked: whether the questions are put, and answers read from standard input.
        is_json: whether machines read what is printed.
    """

    paths: tuple[str, ...]
    facts: Path
    model: ModelChoice
    faces: Path | None
    policy: str
    cut: float | None
    min_settled: int
    most: int
    sheet: Path | None
    shown: Shown
    is_asked: bool
    is_json: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen, by which model, and where groups are cut; None = found from the pictures."""

    library: Library
    model: str
    cut: float | None


def run_groups(request: GroupsRequest) -> int:
    """Group pictures; print, draw or put the questions that are worth asking."""
    found = find_pictures(request.paths)
    if not found.videos:
        return EXIT_BAD_INPUT
    try:
        read_agreeing(request.facts)  # before an hour goes into features
    except FactsError as fault:
        places = {identify(path): str(path) for path in found.videos}
        raise FactsError(call_by_name(str(fault), places)) from fault
    looked = _look(found, request)
    library = looked.library
    session = Session(
        to_pictures(library.seen),
        request.facts,
        model=looked.model,
        cut=looked.cut,
        min_settled=request.min_settled,
    )
    try:
        if request.is_asked:
            ask(session, library, most=request.most, sheet=request.sheet, shown=request.shown)
        else:
            _list(session, library, request)
    except FactsError as fault:
        raise FactsError(call_by_name(str(fault), library.places)) from fault
    if found.faults:
        return EXIT_BAD_INPUT
    return EXIT_ERROR if library.faults else 0


def run_answer(facts: Path, card_id: str, words: tuple[str, ...]) -> int:
    """Answer a card of the last `heatreel groups`."""
    cards = read_cards(facts)
    card = next((one for one in cards.cards if one.card_id == card_id), None)
    if card is None:
        raise FactsError(f"{to_printable(card_id)}: no such card; `heatreel groups` lists them")
    said = hear(" ".join(words), card)
    if not isinstance(said, Reply):
        why = said.why if isinstance(said, Misheard) else "undo is `heatreel groups undo`"
        raise FactsError(why)
    answered = [one.number for one in facts_of(read_agreeing(facts)).answers if _is_of(one, card)]
    if answered:
        raise FactsError(f"{card_id}: was answered (answer {answered[-1]}); undo that first")
    try:
        answer = write_answer(facts, card, said, model=cards.model)
    except FactsError as fault:
        raise FactsError(call_by_name(str(fault), cards.places)) from fault
    say(say_answer(answer, cards.places))
    return 0


def run_undo(facts: Path, number: int | None) -> int:
    """Take an answer back, by default the last."""
    event = write_undo(facts, number)
    say(f"answer {event.of} is taken back")
    return 0


def run_names(facts: Path, paths: tuple[str, ...]) -> int:
    """Print what files are known to show, a line a picture."""
    found = find_pictures(paths)
    known = facts_of(read_agreeing(facts))
    audited = {key for answer in known.answers for key in answer.audit}
    for path in found.videos:
        submission_id = identify(path)
        for fact in known.named:
            file, _, moment = fact.key.partition("@")
            if file.partition("#")[0] == submission_id:
                place = f"{path} @{moment}" if moment else str(path)
                audit = "\taudit" if fact.key in audited else ""
                say(f"{fact.name}\t{to_printable(place)}\tanswer {fact.answer}{audit}")
    return EXIT_BAD_INPUT if found.faults else 0


def run_forget(facts: Path, name: str) -> int:
    """Erase everything that was said about a name from the file of facts."""
    before = read_facts(facts)
    after = rewrite_facts(facts, lambda events: forget(events, name, at_ms=now_ms()))
    cards_path(facts).unlink(missing_ok=True)  # it holds names, and keys of their pictures
    last = after[-1] if len(after) and after != before else None
    if isinstance(last, Forgotten):
        say(f"{to_printable(name)}: {count_of(last.answers, 'answer')} erased")
    else:
        say("no answer is about that name")
    return 0


def find_pictures(paths: tuple[str, ...]) -> Found:
    """Return the picture and video files that paths name, and complain of the others."""
    endings = PICTURE_ENDINGS | VIDEO_ENDINGS
    found = find_videos(paths, endings=endings, noun="pictures or videos")
    for fault in found.faults:
        _complain(fault)
    return found


def _look(found: Found, request: GroupsRequest) -> Looked:
    """Open the models and see what is in the files."""
    policy, cut = find_policy(request.policy), request.cut
    with open_decoder() as decoder:
        if request.faces is not None:
            models = open_face_models(request.faces)
            see, model = see_faces(policy, models, decoder), models.sha256
            cut = models.cut if cut is None else cut
        else:
            scorer = _open_scorer(request.model)
            see, model = see_pictures(policy, scorer, decoder), scorer.facts.sha256
        library = _see_files(found, see)
    for fault in library.faults:
        _complain(fault)
    return Looked(library, model, cut)


def _see_files(found: Found, see: See) -> Library:
    with remembered_interrupts() as check, show_progress(found.videos) as display:

        def move(i: int) -> None:
            check()
            display.move(i, 0.0)

        return see_all(found.videos, see, on_progress=move)


def _open_scorer(choice: ModelChoice) -> Scorer:
    scorer = choice.open(choice.find("efficientnet-lite0"))
    require_features(scorer)
    return scorer


def _list(session: Session, library: Library, request: GroupsRequest) -> None:
    cards = session.cards()[: request.most]
    write_cards(request.facts, Cards(session.model, cards, _places_of(cards, library)))
    for card in cards:
        picture = draw(card, library, request.sheet, request.shown)
        if request.is_json:
            say(json.dumps(_describe(card, library, picture)))
        else:
            arrow = f"  \N{RIGHTWARDS ARROW} {to_printable(str(picture))}" if picture else ""
            first = library.places[card.shown[0]]
            say(f"{card.card_id}  {say_question(card)}  {first}{arrow}")
    if not request.is_json:
        say(say_totals(session, library, len(cards)))


def _places_of(cards: tuple[Card, ...], library: Library) -> dict[str, str]:
    places = library.places
    return {key: places[key] for card in cards for key in card.members}


def _describe(card: Card, library: Library, picture: Path | None) -> dict[str, object]:
    places = library.places
    return {
        "card": card.card_id,
        "question": say_question(card),
        "why": card.why,
        "guesses": [{"name": g.name, "match": round(g.match, 4)} for g in card.guesses],
        "settled_per_s": round(settled_per_s(card), 3),
        "distinct": card.distinct,
        "shown": [places[key] for key in card.shown],
        "members": [{"key": key, "place": places[key]} for key in card.members],
        "sheet": escape_surrogates(str(picture)) if picture else None,
    }


def _is_of(answer: Answer, card: Card) -> bool:
    return answer.members == card.members


def _complain(fault: object) -> None:
    for line in str(fault).splitlines():
        sys.stderr.write(f"heatreel: {to_printable(line)}\n")
