"""The cards of the last `heatreel groups`, so that `heatreel groups answer` need not look again."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pipeline.errors import FactsError
from pipeline.learning.cards import Card
from pipeline.outputs.atomic import write_atomically


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards, and whose features they were made of.

    Attributes:
        model: sha256 of the model.
        cards: the most worth asking first.
        places: where each picture that a card asks about lies, by its key.
    """

    model: str
    cards: tuple[Card, ...]
    places: dict[str, str]


CARDS: TypeAdapter[Cards] = TypeAdapter(Cards)


def cards_path(facts: Path) -> Path:
    """Return where the cards lie that belong to a file of facts."""
    return facts.with_name(f".{facts.name}.cards.json")


def write_cards(facts: Path, cards: Cards) -> None:
    """Write the cards beside the file of facts.

    Raises:
        FactsError: if they cannot be written.
    """
    try:
        write_atomically(cards_path(facts), CARDS.dump_json(cards))
    except OSError as error:
        raise FactsError(f"{cards_path(facts)}: cannot be written: {error.strerror}") from error


def read_cards(facts: Path) -> Cards:
    """Return the cards beside the file of facts.

    Raises:
        FactsError: if there are none, or they are not what was written.
    """
    path = cards_path(facts)
    try:
        return CARDS.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise FactsError(f"{facts}: no cards yet; run `heatreel groups PATHS` first") from error
    except OSError as error:
        raise FactsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise FactsError(f"{path}: holds no cards; run `heatreel groups PATHS` again") from error
