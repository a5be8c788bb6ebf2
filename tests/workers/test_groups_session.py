"""A sitting: what is answered counts at once, can be taken back, and others answer meanwhile."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import FactsError
from pipeline.learning.asking import Reply
from pipeline.learning.facts import AnswerKind
from pipeline.learning.pictures import Pictures, gather_pictures
from workers.facts_file import read_facts
from workers.groups_session import Session, call_by_name, write_answer

CUT = 0.05
YES, NO = Reply(AnswerKind.YES, "ant"), Reply(AnswerKind.NO)


def key(number: int) -> str:
    return f"sha256:{number:064x}"


def in_heaps(*sizes: int, width: float = 0.02) -> Pictures:
    """Return pictures in heaps far from one another."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(len(sizes), 16), sizes, axis=0)
    features = centres + width * rng.normal(size=centres.shape)
    return gather_pictures([key(i) for i in range(sum(sizes))], features.astype(np.float32))


def sit(path: Path, pictures: Pictures, cut: float | None = CUT) -> Session:
    return Session(pictures, path, model="m", cut=cut, min_settled=5)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(YES, id="yes"),
        pytest.param(NO, id="no"),
        pytest.param(Reply(AnswerKind.ODD, "ant", (1, 2)), id="odd"),
        pytest.param(Reply(AnswerKind.LATER), id="later"),
    ],
)
def test_undoing_restores_groups_facts_and_questions_exactly(tmp_path: Path, reply: Reply) -> None:
    session = sit(tmp_path / "facts.jsonl", in_heaps(9, 7))
    session.answer(session.cards()[1], Reply(AnswerKind.YES, "bee"))
    before = session.grouping, session.facts, session.cards()

    session.answer(session.cards()[0], reply)
    assert session.cards() != before[2]
    undone = session.undo()

    assert undone is not None
    assert undone.number == 2
    assert (session.grouping, session.facts, session.cards()) == before
    fresh = sit(tmp_path / "facts.jsonl", in_heaps(9, 7))
    assert (fresh.grouping.groups, fresh.facts) == (session.grouping.groups, session.facts)


def test_an_answer_of_an_earlier_sitting_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    first = sit(path, in_heaps(9))
    cards = first.cards()
    first.answer(cards[0], YES)

    second = sit(path, in_heaps(9))
    assert second.cards() == ()
    second.undo()

    assert second.cards() == cards
    assert second.undo() is None


def test_what_others_answered_meanwhile_counts(tmp_path: Path) -> None:
    path, pictures = tmp_path / "facts.jsonl", in_heaps(9, 7)
    one, other = sit(path, pictures), sit(path, pictures)
    large, small = one.cards()

    one.answer(large, YES)
    other.answer(small, Reply(AnswerKind.YES, "bee"))

    assert other.cards() == ()
    assert set(other.facts.names.values()) == {"ant", "bee"}
    assert [event.number for event in read_facts(path)] == [1, 2]


def test_two_who_say_different_things_of_one_card_are_not_both_believed(tmp_path: Path) -> None:
    path, pictures = tmp_path / "facts.jsonl", in_heaps(9)
    one, other = sit(path, pictures), sit(path, pictures)
    (card,) = one.cards()
    one.answer(card, YES)

    with pytest.raises(FactsError, match=r"is ant and is bee \(answer 1\)"):
        other.answer(card, Reply(AnswerKind.YES, "bee"))

    assert len(read_facts(path)) == 1


def test_what_is_told_apart_makes_the_groups_stricter(tmp_path: Path) -> None:
    # Two kinds side by side in each heap, ten of each: one cut through the middle of a heap.
    rng = np.random.default_rng(0)
    heaps = np.repeat(np.eye(12, 64), 20, axis=0)
    heaps[::2, 63] = 0.3
    noise = 0.004 * rng.normal(size=heaps.shape)
    pictures = gather_pictures([key(i) for i in range(240)], (heaps + noise).astype(np.float32))
    session = sit(tmp_path / "facts.jsonl", pictures, cut=None)
    wide = session.grouping.cut
    assert len(session.grouping.groups) == 12

    for _ in range(2):
        card = session.cards()[0]
        kinds = [int(shown[-4:], 16) % 2 for shown in card.shown]
        odd = tuple(i for i, kind in enumerate(kinds) if kind != kinds[0])
        session.answer(card, Reply(AnswerKind.ODD, f"name {len(session.facts.answers)}", odd))

    assert session.grouping.cut < wide
    assert len(session.grouping.groups) >= 24
    session.undo()
    session.undo()
    assert (session.grouping.cut, len(session.grouping.groups)) == (wide, 12)


def test_a_cut_that_was_asked_for_stays(tmp_path: Path) -> None:
    session = sit(tmp_path / "facts.jsonl", in_heaps(30), cut=0.3)

    session.answer(session.cards()[0], Reply(AnswerKind.ODD, "ant", (1, 2, 3, 4)))

    assert session.grouping.cut == 0.3


def test_pictures_are_called_by_where_they_lie() -> None:
    places = {key(1): "a.jpg", f"{key(2)}@500": "b.mp4 0:00"}

    text = f"{key(1)} {key(2)}@500 {key(1)}@77 {key(3)}"

    assert call_by_name(text, places) == f"a.jpg b.mp4 0:00 a.jpg@77 {key(3)}"


def test_a_stale_card_is_settled_as_it_was_asked(tmp_path: Path) -> None:
    session = sit(tmp_path / "facts.jsonl", in_heaps(9))
    card = replace(session.cards()[0])

    answer = write_answer(tmp_path / "facts.jsonl", card, YES, model="m")

    assert answer.kept == card.members
