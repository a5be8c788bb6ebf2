"""Asking: which card comes, in which order, when again, and what follows from an answer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FactsError
from pipeline.learning.asking import (
    ASK_AGAIN_MS,
    Reply,
    answer_card,
    find_cards,
    settled_per_s,
)
from pipeline.learning.cards import Card, Why, hit_rate
from pipeline.learning.facts import Answer, AnswerKind, Event, Facts, facts_of
from pipeline.learning.groups import group_pictures, regroup
from pipeline.learning.pictures import Pictures, gather_pictures
from tests.pipeline.learning.learning_parts import (
    CUT,
    answer_of,
    blobs,
    on_circle,
    some_answers,
    some_pictures,
)


def cards_of(
    pictures: Pictures,
    events: Sequence[Event] = (),
    *,
    now_ms: int = 0,
    model: str = "m",
    min_settled: int = 5,
) -> tuple[Card, ...]:
    facts = facts_of(events)
    grouping = group_pictures(pictures, facts, cut=CUT)
    return find_cards(grouping, facts, model=model, now_ms=now_ms, min_settled=min_settled)


def reply_to(card: Card, reply: Reply, events: Sequence[Event] = (), seed: int = 0) -> Answer:
    return answer_card(card, reply, events, model="m", at_ms=0, rng=np.random.default_rng(seed))


def test_without_anything_known_the_question_is_open() -> None:
    (card,) = cards_of(blobs({"a": 6}))

    assert (card.guesses, card.why, len(card.members)) == ((), Why.NEW, 6)


def test_a_card_shows_the_medoid_and_the_four_farthest() -> None:
    pictures = on_circle({"a": -6, "b": -3, "c": 0, "d": 0.5, "e": 3, "f": 6, "g": 6.5})

    (card,) = cards_of(pictures)

    assert card.shown[0] == "d"
    assert set(card.shown[1:]) == {"a", "f", "g", "b"}


def test_the_largest_group_comes_first_and_small_ones_never() -> None:
    cards = cards_of(blobs({"a": 5, "b": 9, "c": 4}))

    assert [len(card.members) for card in cards] == [9, 5]
    assert [card.distinct for card in cards_of(blobs({"c": 4}), min_settled=1)] == [4]


def test_near_copies_do_not_make_a_group_worth_asking() -> None:
    pictures = blobs({"a": 8})
    same = np.zeros((8, 1), dtype=np.uint8)

    assert cards_of(gather_pictures(pictures.keys, pictures.features, same)) == ()


def test_a_guess_is_what_the_exemplars_are() -> None:
    pictures = on_circle({f"k{i:02}": i * 1.0 for i in range(12)} | {"z": 56})
    facts = [
        answer_of(1, AnswerKind.YES, kept=["k00", "k01"], name="near"),
        answer_of(2, AnswerKind.YES, kept=["z"], name="far"),
    ]
    far = gather_pictures(
        [*pictures.keys, *"abcde"],
        np.concatenate([pictures.features, on_circle(dict.fromkeys("abcde", 28)).features]),
    )

    card = next(card for card in cards_of(far, facts) if "a" in card.members)

    assert [guess.name for guess in card.guesses] == ["near", "far"]
    assert card.guesses[0].exemplars == ("k01", "k00")
    assert card.guesses[0].match == pytest.approx(np.cos(np.radians([28, 27])).mean(), abs=1e-4)


def test_what_is_far_from_a_group_is_no_guess_at_what_it_is() -> None:
    pictures = on_circle(dict.fromkeys("abcde", 0) | {"near": 30, "far": 34})  # 0.134, 0.171
    facts = [
        answer_of(1, AnswerKind.YES, kept=["near"], name="near"),
        answer_of(2, AnswerKind.YES, kept=["far"], name="far"),
    ]

    (card,) = cards_of(pictures, facts)

    assert [guess.name for guess in card.guesses] == ["near"]


def test_a_match_is_the_mean_of_the_best_ten_not_one() -> None:
    known = {f"x{i:02}": 30.0 + i for i in range(12)}
    lone = {"y": 41.5}  # nearer to the group than most x, but farther than the best ten of them
    pictures = on_circle(known | lone | dict.fromkeys("abcde", 60.0))
    facts = [
        answer_of(1, AnswerKind.YES, kept=list(known), name="many"),
        answer_of(2, AnswerKind.YES, kept=["y"], name="lone"),
    ]

    (card,) = (card for card in cards_of(pictures, facts) if "a" in card.members)

    best_ten = np.cos(np.radians(60 - np.arange(32, 42))).mean()
    assert card.guesses[1].match == pytest.approx(best_ten, abs=1e-4)


def test_questions_come_in_order_of_pictures_settled_a_second() -> None:
    cards = cards_of(blobs({"a": 9, "b": 7, "c": 8}))

    assert [settled_per_s(card) for card in cards] == [1.5, 8 * 0.5 / 3, 7 * 0.5 / 3]


def test_guesses_that_were_right_before_count_for_more() -> None:
    def said(number: int, match: float, name: str) -> Answer:
        kept = [str(number)]
        return answer_of(number, AnswerKind.YES, kept=kept, name=name, guesses=("x",), match=match)

    answers = [said(i, 0.9, "x") for i in range(1, 21)]
    answers += [said(i, 0.5, "y") for i in range(21, 41)]

    assert hit_rate(answers, 0.9) == pytest.approx(21 / 22)
    assert hit_rate(answers, 0.5) == pytest.approx(1 / 22)


def test_a_yes_settles_the_whole_group() -> None:
    pictures = blobs({"a": 7})
    (card,) = cards_of(pictures)

    answer = reply_to(card, Reply(AnswerKind.YES, "ant"))

    assert set(answer.kept) == set(pictures.keys)
    assert cards_of(pictures, [answer]) == ()


def test_odd_ones_take_with_them_what_is_more_like_them() -> None:
    pictures = on_circle({"a": -7, "b": -6.5, "c": 0, "d": 0.4, "e": 0.8, "f": 1.2, "g": 7})
    (card,) = cards_of(pictures)
    tile = card.shown.index("a")

    answer = reply_to(card, Reply(AnswerKind.ODD, "ant", (tile, card.shown.index("b"))))
    alone = reply_to(card, Reply(AnswerKind.ODD, "ant", (tile,)))

    assert (set(answer.odd), set(answer.kept)) == ({"a", "b"}, set("cdefg"))
    assert (set(alone.odd), set(alone.kept)) == ({"a"}, set("bcdefg"))


def test_what_is_most_like_an_odd_tile_stays_open() -> None:
    card = Card(
        card_id="0",
        members=("a", "b", "c", "d"),
        shown=("a", "b"),
        tile_of=(0, 1, 1, 0),
        guesses=(),
        why=Why.NEW,
        distinct=4,
        size=4,
        spread=0.1,
        p_named=0.5,
    )

    answer = reply_to(card, Reply(AnswerKind.ODD, "ant", (1,)))

    assert (answer.kept, answer.odd) == (("a", "d"), ("b",))


@pytest.mark.parametrize(
    ("size", "audited"),
    [
        pytest.param(5, 0, id="all-were-shown"),
        pytest.param(7, 2, id="fewer-than-three-unseen"),
        pytest.param(20, 3, id="at-least-three"),
        pytest.param(85, 4, id="five-percent"),
        pytest.param(86, 5, id="rounded-up"),
    ],
)
def test_a_share_of_what_is_settled_unseen_is_audited(size: int, audited: int) -> None:
    (card,) = cards_of(blobs({"a": size}, spread=0.001))

    answers = [reply_to(card, Reply(AnswerKind.YES, "ant"), seed=seed) for seed in range(4)]

    assert {len(answer.audit) for answer in answers} == {audited}
    assert all(not set(answer.audit) & set(card.shown) for answer in answers)
    assert audited < 3 or len({answer.audit for answer in answers}) > 1
    assert answers[0] == reply_to(card, Reply(AnswerKind.YES, "ant"))


PICTURES = blobs({"a": 6})
ANTS = PICTURES.keys
KNOWN = answer_of(1, AnswerKind.YES, kept=["elsewhere"], name="ant")


def spoken(kind: AnswerKind, **changes: object) -> Answer:
    """Return an answer about the group: `no` or `later`."""
    odd = ANTS if kind is AnswerKind.NO else ()
    answer = answer_of(2, kind, odd=odd, members=ANTS, name="ant", size=6, guesses=("ant",))
    return replace(answer, **changes)  # type: ignore[arg-type] # a test's own words


WEEK = ASK_AGAIN_MS


@pytest.mark.parametrize(
    ("answer", "now_ms", "model", "why"),
    [
        pytest.param(spoken(AnswerKind.LATER), WEEK - 1, "m", None, id="not-before-a-week"),
        pytest.param(spoken(AnswerKind.LATER), WEEK, "m", Why.LATER, id="a-week-later"),
        pytest.param(spoken(AnswerKind.LATER), 0, "other", Why.MODEL, id="another-model"),
        pytest.param(spoken(AnswerKind.LATER, size=4), 0, "m", None, id="grown-but-not-doubled"),
        pytest.param(spoken(AnswerKind.LATER, size=3), 0, "m", Why.DOUBLED, id="doubled"),
        pytest.param(spoken(AnswerKind.NO), WEEK, "m", None, id="rejected"),
        pytest.param(spoken(AnswerKind.NO, size=1), WEEK, "m", Why.DOUBLED, id="no-but-doubled"),
        pytest.param(spoken(AnswerKind.NO, name=""), WEEK, "x", None, id="nothing-worth-a-name"),
    ],
)
def test_when_a_group_is_asked_about_again(
    answer: Answer, now_ms: int, model: str, why: Why | None
) -> None:
    cards = cards_of(PICTURES, [answer], now_ms=now_ms, model=model)

    assert [card.why for card in cards] == ([] if why is None else [why])


def test_who_is_not_sure_twice_is_not_asked_a_third_time() -> None:
    twice = [spoken(AnswerKind.LATER, number=number) for number in (2, 3)]

    assert cards_of(PICTURES, twice, now_ms=10 * WEEK) == ()


@pytest.mark.parametrize(
    ("spread_then", "why"),
    [
        pytest.param(0.015, [Why.SPREAD], id="it-passed-the-split-distance"),
        pytest.param(0.016, [], id="it-had-passed-it-before"),
    ],
)
def test_a_group_that_grew_apart_is_asked_about_again(spread_then: float, why: list[Why]) -> None:
    pictures = on_circle({f"k{i}": angle for i, angle in enumerate([0, 1, 2, 3, 4, 14])})
    answer = answer_of(1, AnswerKind.LATER, members=pictures.keys[:5], spread=spread_then)
    facts = facts_of([answer])
    grouping = replace(group_pictures(pictures, facts, cut=CUT), cut=0.01)

    assert grouping.split_distance == 0.015
    assert [card.why for card in find_cards(grouping, facts, model="m", now_ms=0)] == why


def test_a_rejected_group_is_asked_again_when_a_new_name_is_likelier() -> None:
    bees = [f"b{i}" for i in range(5)]
    pictures = on_circle(dict.fromkeys(ANTS, 0) | dict.fromkeys(bees, 20))
    no = spoken(AnswerKind.NO)
    bee = answer_of(3, AnswerKind.YES, kept=bees, name="bee")

    (card,) = cards_of(pictures, [no, bee])

    assert (card.name, card.why) == ("bee", Why.NAME)


def test_a_rejected_group_is_not_asked_about_what_was_guessed_beside() -> None:
    bees = [f"b{i}" for i in range(5)]
    pictures = on_circle(dict.fromkeys(ANTS, 0) | dict.fromkeys(bees, 20))
    bee = answer_of(3, AnswerKind.YES, kept=bees, name="bee")

    assert cards_of(pictures, [spoken(AnswerKind.NO, guesses=("ant", "bee")), bee]) == ()


@pytest.mark.parametrize(
    ("gone", "why"),
    [
        pytest.param(6, [], id="half-of-what-was-asked-about-is-there"),
        pytest.param(7, [Why.NEW], id="less-than-half"),
    ],
)
def test_an_answer_is_about_the_group_that_holds_half_of_it(gone: int, why: list[Why]) -> None:
    members = (*ANTS, *(f"gone{i}" for i in range(gone)))
    later = answer_of(2, AnswerKind.LATER, members=members, size=12)

    assert [card.why for card in cards_of(PICTURES, [later])] == why


def test_newcomers_of_a_known_group_wait_until_it_has_doubled() -> None:
    def cards_with(newcomers: int) -> tuple[Card, ...]:
        pictures = blobs({"a": 6 + newcomers})
        known = answer_of(1, AnswerKind.YES, kept=ANTS, name="ant", size=6)
        return cards_of(pictures, [known])

    assert cards_with(5) == ()
    (card,) = cards_with(6)
    assert (card.name, card.why, card.distinct, card.size) == ("ant", Why.DOUBLED, 6, 12)
    assert set(card.members).isdisjoint(ANTS)
    assert set(card.guesses[0].exemplars) <= set(ANTS)


@given(some_pictures(), st.floats(0, 0.5), st.sampled_from(["m", "other"]), st.data())
@settings(max_examples=200, deadline=None)
def test_a_rejected_pair_is_never_asked_again(
    pictures: Pictures, cut: float, model: str, data: st.DataObject
) -> None:
    facts = facts_of(data.draw(some_answers(pictures.keys)))
    grouping = group_pictures(pictures, facts, cut=cut)
    denied = {(fact.key, fact.name) for fact in facts.denied}

    cards = find_cards(grouping, facts, model=model, now_ms=2 * WEEK, min_settled=1)

    for card in cards:
        for guess in card.guesses:
            assert not any((key, guess.name) in denied for key in card.members)


@given(some_pictures(), st.lists(st.sampled_from("ynso?"), max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_answered_asking_ends_and_nothing_contradicts(
    pictures: Pictures, said: list[str], data: st.DataObject
) -> None:
    log: list[Answer] = []
    facts = Facts()
    grouping = group_pictures(pictures, facts, cut=0.2)
    for word in [*said, *"y" * 20]:
        cards = find_cards(grouping, facts, model="m", now_ms=0, min_settled=1)
        if not cards:
            break
        card = data.draw(st.sampled_from(cards))
        name = "" if card.guesses else f"name {len(log)}"  # none that was denied
        kind = {"y": AnswerKind.YES, "n": AnswerKind.NO, "?": AnswerKind.LATER}.get(word)
        odd = tuple(range(1, len(card.shown))) if kind is None else ()
        if kind is None:
            kind = AnswerKind.ODD if odd else AnswerKind.YES
        reply = Reply(kind, name if kind in (AnswerKind.YES, AnswerKind.ODD) else "", odd)
        log.append(reply_to(card, reply, log))
        facts = facts_of(log)
        grouping = regroup(grouping, facts, card.members)
    assert find_cards(grouping, facts, model="m", now_ms=0, min_settled=1) == ()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        pytest.param(Reply(AnswerKind.YES), "name must say", id="yes-to-an-open-question"),
        pytest.param(Reply(AnswerKind.NO, "ant"), "name must be empty", id="no-with-a-name"),
        pytest.param(Reply(AnswerKind.ODD, "ant"), "odd_tiles must be given", id="odd-without"),
        pytest.param(Reply(AnswerKind.YES, "ant", (1,)), "odd_tiles", id="yes-with-odd-ones"),
        pytest.param(Reply(AnswerKind.ODD, "ant", (5,)), "some of the 5", id="no-such-tile"),
        pytest.param(Reply(AnswerKind.ODD, "ant", (-1,)), "some of the 5", id="a-negative-tile"),
        pytest.param(Reply(AnswerKind.ODD, "ant", tuple(range(5))), "not all", id="all-odd"),
        pytest.param(Reply(AnswerKind.YES, "a\nb"), "printable", id="a-name-of-two-lines"),
        pytest.param(Reply(AnswerKind.YES, "a" * 101), "up to 100", id="an-endless-name"),
    ],
)
def test_a_reply_that_does_not_fit_is_refused(reply: Reply, why: str) -> None:
    (card,) = cards_of(PICTURES)

    with pytest.raises(ValueError, match=why):
        reply_to(card, reply)


def test_an_answer_that_contradicts_is_refused_by_name() -> None:
    no = spoken(AnswerKind.NO, number=4, odd=ANTS[:1], members=ANTS[:1])
    card = cards_of(PICTURES)[0]

    with pytest.raises(FactsError, match=r"a00 is ant and is not ant \(answer 4\)"):
        reply_to(card, Reply(AnswerKind.YES, "ant"), [no])
