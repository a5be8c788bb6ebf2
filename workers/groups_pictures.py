"""What was asked for on the command line becomes pictures with features, and cards become files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.drawing.card import CardView, Tile, draw_card
from pipeline.drawing.thumbnails import Pictures as Shown
from pipeline.errors import DecoderDiedError, LimitExceededError, UnreadableVideoError
from pipeline.faces import FaceModels, see_faces_of_still, see_faces_of_video
from pipeline.gathering import OwnSample, Seen, see_still, see_video
from pipeline.learning.cards import Card
from pipeline.media.here import Decoder
from pipeline.outputs.atomic import write_atomically
from pipeline.outputs.names import to_printable
from pipeline.records import Policy
from pipeline.scoring.session import Scorer
from pipeline.wording.times import format_time
from workers.folders import identify
from workers.groups_words import WHY, say_question
from workers.videos import PICTURE_ENDINGS

NAME_CHARS = 14
NOTHING_KNOWN = "Nothing that is known looks like these"
KEYS = "y all · n none · 2 4 all but these · = NAME · b c other guesses · ? later · u undo"


@dataclass(frozen=True, slots=True)
class Library:
    """What was seen of all files.

    Attributes:
        seen: every good picture and frame, each key once.
        bad: how many files hold no good picture or frame.
        faults: a line for each file that could not be read.
    """

    seen: tuple[Seen, ...]
    bad: int
    faults: tuple[str, ...]

    @property
    def places(self) -> dict[str, str]:
        """Where each picture lies, by its key."""
        return {one.key: place_of(one) for one in self.seen}


See: TypeAlias = Callable[[Path, str], Iterable[Seen]]


def see_pictures(policy: Policy, scorer: Scorer, decoder: Decoder) -> See:
    """Return what sees the good pictures and frames of files."""
    sample = OwnSample()

    def see(path: Path, submission_id: str) -> Iterable[Seen]:
        look = see_still if is_picture(path) else see_video
        return look(
            path,
            submission_id=submission_id,
            policy=policy,
            scorer=scorer,
            decoder=decoder,
            sample=sample,
        )

    return see


def see_faces(policy: Policy, models: FaceModels, decoder: Decoder) -> See:
    """Return what sees the faces in files."""

    def see(path: Path, submission_id: str) -> Iterable[Seen]:
        look = see_faces_of_still if is_picture(path) else see_faces_of_video
        return look(
            path, submission_id=submission_id, policy=policy, models=models, decoder=decoder
        )

    return see


def is_picture(path: Path) -> bool:
    """Whether a file is called as pictures are."""
    return path.suffix.lower() in PICTURE_ENDINGS


def see_all(paths: Sequence[Path], see: See, *, on_progress: Callable[[int], None]) -> Library:
    """Return what is seen in files; one that cannot be read does not stop the others."""
    seen: dict[str, Seen] = {}
    faults, bad = [], 0
    for i, path in enumerate(paths):
        on_progress(i)
        try:
            found = list(see(path, identify(path)))
        except (UnreadableVideoError, LimitExceededError, DecoderDiedError) as fault:
            faults.append(f"{path}: {fault}")
            continue
        bad += not found
        for one in found:
            seen.setdefault(one.key, one)
    return Library(tuple(seen.values()), bad, tuple(faults))


def place_of(one: Seen) -> str:
    """Return where a picture lies: its path, and for a frame the time behind it."""
    time = "" if one.timestamp_ms is None else f" {format_time(one.timestamp_ms)}"
    return to_printable(f"{one.source}{time}")


def write_card(card: Card, library: Library, folder: Path, shown: Shown) -> Path:
    """Draw a card into *folder* and return the file; the name says which card it is.

    Raises:
        OSError: if it cannot be written.
    """
    seen = {one.key: one for one in library.seen}
    path = folder / f"{card.card_id}.png"
    write_atomically(path, draw_card(_view(card, seen), shown))
    return path


def _view(card: Card, seen: dict[str, Seen]) -> CardView:
    question = say_question(card)
    exemplars = card.guesses[0].exemplars if card.guesses else ()
    return CardView(
        question=question[0].upper() + question[1:],
        detail=_say_detail(card),
        tiles=tuple(_tile(seen[key]) for key in card.shown),
        unseen=len(card.members) - len(card.shown),
        known=f"Known: {card.name}, the most alike first" if exemplars else NOTHING_KNOWN,
        exemplars=tuple(_tile(seen[key]) for key in exemplars),
        keys=KEYS,
    )


def _tile(one: Seen) -> Tile:
    time = "" if one.timestamp_ms is None else f" {format_time(one.timestamp_ms)}"
    # The end of a long name tells more than its beginning, and the time must show.
    stem = one.source.stem
    name = stem if len(stem) <= NAME_CHARS else f"…{stem[1 - NAME_CHARS :]}"
    return Tile(f"{name}{time}", one.thumbnail)


def _say_detail(card: Card) -> str:
    copies = len(card.members) - card.distinct
    parts = [
        f"{copies:,} of them near-copies" if copies else "",
        f"likeness {card.guesses[0].match:.2f}" if card.guesses else "",
        *(f"or {guess.name} ({guess.match:.2f})" for guess in card.guesses[1:]),
        WHY[card.why],
    ]
    return ", ".join(part for part in parts if part)
