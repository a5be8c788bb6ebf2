"""Facts: what follows from answers, what undoing and forgetting leave, what cannot be true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.facts import (
    Answer,
    AnswerKind,
    Event,
    Fact,
    Forgotten,
    Link,
    Undo,
    facts_of,
    forget,
    next_number,
    standing_answers,
    undo,
)
from pipeline.learning.links import Clumps, find_contradictions
from tests.pipeline.learning.learning_parts import answer_of, some_answers

YES = answer_of(1, AnswerKind.YES, kept=["a", "b"], name="ant")
NO = answer_of(2, AnswerKind.NO, odd=["c", "d"], name="ant")
ODD = answer_of(3, AnswerKind.ODD, kept=["e", "f"], odd=["g"], name="bee")
LATER = answer_of(4, AnswerKind.LATER, members=["h"])
LOG: tuple[Event, ...] = (YES, NO, ODD, LATER)
KEYS = tuple("abcdefgh")


def test_a_yes_names_its_pictures_and_joins_them() -> None:
    facts = facts_of([YES])

    assert facts.named == (Fact("a", "ant", 1), Fact("b", "ant", 1))
    assert facts.together == (Link(("a", "b"), 1),)
    assert not facts.denied
    assert not facts.apart


def test_a_no_says_what_they_are_not_and_joins_nothing() -> None:
    facts = facts_of([NO])

    assert facts.denied == (Fact("c", "ant", 2), Fact("d", "ant", 2))
    assert facts.named == ()
    assert facts.together == ()


def test_odd_ones_are_denied_the_name_and_kept_apart() -> None:
    facts = facts_of([ODD])

    assert facts.names == {"e": "bee", "f": "bee"}
    assert facts.denied == (Fact("g", "bee", 3),)
    assert facts.apart == (Link(("e", "g"), 3),)


def test_later_says_nothing_of_the_pictures() -> None:
    facts = facts_of([LATER])

    assert facts.answers == (LATER,)
    assert facts.named == facts.denied == ()


@given(some_answers(KEYS), st.data())
def test_answering_then_undoing_restores_the_state_exactly(
    answers: tuple[Answer, ...], data: st.DataObject
) -> None:
    answer = answer_of(next_number(answers), AnswerKind.NO, odd=list(KEYS), name="z")

    taken_back = undo([*answers, answer], at_ms=5)

    assert taken_back.of == answer.number
    events: list[Event] = [*answers, answer, taken_back]
    log = data.draw(st.permutations(events))
    assert facts_of(log) == facts_of(answers)


def test_undoing_goes_back_answer_by_answer() -> None:
    log: list[Event] = [YES, NO]
    log.append(undo(log, at_ms=0))
    log.append(undo(log, at_ms=0))

    assert [event.of for event in log[2:] if isinstance(event, Undo)] == [2, 1]
    assert standing_answers(log) == ()


@pytest.mark.parametrize(
    ("log", "of", "why"),
    [
        pytest.param([], None, "no answer stands", id="nothing-said"),
        pytest.param([YES], 7, "no answer 7 stands", id="no-such-answer"),
        pytest.param([YES, Undo(2, 0, 1)], 1, "no answer 1 stands", id="taken-back-already"),
        pytest.param([YES, Undo(2, 0, 1)], 2, "no answer 2 stands", id="an-undo"),
    ],
)
def test_what_does_not_stand_cannot_be_undone(log: list[Event], of: int | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        undo(log, at_ms=0, of=of)


@pytest.mark.parametrize(
    ("kind", "kept", "odd"),
    [
        pytest.param(AnswerKind.YES, [], ["a"], id="a-yes-that-keeps-nothing"),
        pytest.param(AnswerKind.YES, ["a"], ["b"], id="a-yes-with-odd-ones"),
        pytest.param(AnswerKind.NO, ["a"], ["b"], id="a-no-that-keeps"),
        pytest.param(AnswerKind.ODD, ["a"], [], id="odd-ones-without-any"),
        pytest.param(AnswerKind.ODD, ["a"], ["a"], id="kept-and-odd-at-once"),
        pytest.param(AnswerKind.LATER, [], [], id="about-nothing"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(
    kind: AnswerKind, kept: list[str], odd: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"kept|keeps|odd ones"):
        answer_of(1, kind, kept=kept, odd=odd)


def test_forgetting_leaves_no_trace_of_the_name() -> None:
    guessed = answer_of(4, AnswerKind.YES, kept=["h"], name="bee", guesses=("ant", "bee"))
    log = (YES, NO, ODD, guessed, Undo(5, 0, 2))

    left = forget(log, "ant", at_ms=9)

    kept = answer_of(4, AnswerKind.YES, kept=["h"], name="bee", guesses=("bee",))
    assert left == (ODD, kept, Forgotten(6, 9, 2))
    assert "ant" not in repr(left)
    assert facts_of(left).names == {"e": "bee", "f": "bee", "h": "bee"}
    assert not any(key in repr(left) for key in ("'a'", "'b'", "'c'", "'d'"))


def test_forgetting_who_was_never_named_changes_nothing() -> None:
    assert forget(LOG, "cat", at_ms=9) == LOG


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        pytest.param([YES, NO, ODD, LATER], [], id="none"),
        pytest.param(
            [YES, answer_of(2, AnswerKind.YES, kept=["b", "c"], name="bee")],
            ["is ant and is bee"],
            id="two-names",
        ),
        pytest.param(
            [YES, answer_of(2, AnswerKind.NO, odd=["b"], name="ant")],
            ["is ant and is not ant"],
            id="a-name-and-its-denial",
        ),
        pytest.param(
            [
                YES,
                answer_of(2, AnswerKind.YES, kept=["b", "c"], name="ant"),
                answer_of(3, AnswerKind.NO, odd=["c"], name="ant"),
            ],
            ["is ant and is not ant"],
            id="through-a-chain",
        ),
        pytest.param(
            [YES, answer_of(2, AnswerKind.ODD, kept=["a"], odd=["b"], name="bee")],
            [
                "is ant and is bee",
                "is bee and is not bee",
                "are said to be of one thing, and not to be",
            ],
            id="joined-and-parted",
        ),
    ],
)
def test_contradictions(answers: list[Answer], says: list[str]) -> None:
    found = find_contradictions(facts_of(answers))

    assert sorted(one.says for one in found) == sorted(says)
    assert all(set(one.keys) <= set("abc") and one.answers for one in found)


def test_a_contradiction_names_pictures_and_answers() -> None:
    clash = answer_of(7, AnswerKind.YES, kept=["b", "c"], name="bee")

    (one,) = find_contradictions(facts_of([YES, clash]))

    assert (one.keys, one.answers) == (("a", "b"), (1, 7))


@given(some_answers(KEYS))
def test_answers_about_different_pictures_never_contradict(answers: tuple[Answer, ...]) -> None:
    assert find_contradictions(facts_of(answers)) == ()


def test_clumps_know_what_they_may_be_joined_with() -> None:
    clumps = Clumps(facts_of([YES, NO, ODD]))

    assert clumps.head("a") == clumps.head("b")
    assert not clumps.may_join("b", "c")  # c is no ant
    assert not clumps.may_join("a", "f")  # of another name
    assert not clumps.may_join("f", "g")  # said to be apart
    assert clumps.may_join("a", "g")
    assert clumps.may_join("c", "d")
