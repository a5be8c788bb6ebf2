"""Groups: what looks alike, under what people said."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.learning.facts import AnswerKind, Facts, Undo, facts_of
from pipeline.learning.groups import group_pictures, regroup
from pipeline.learning.pictures import MAX_PICTURES, Pictures, gather_pictures
from tests.pipeline.learning.learning_parts import (
    CUT,
    answer_of,
    blobs,
    group_of,
    groups_by_key,
    on_circle,
    some_answers,
    some_pictures,
)

cuts = st.floats(0, 0.5)


@pytest.mark.parametrize(
    ("degrees", "groups"),
    [
        pytest.param({}, set(), id="no-pictures"),
        pytest.param({"a": 0}, {"a"}, id="one-picture"),
        pytest.param({"a": 0, "b": 5, "c": 90}, {"ab", "c"}, id="two-alike-and-a-stranger"),
        pytest.param({"a": 0, "b": 120, "c": 240}, {"a", "b", "c"}, id="all-strangers"),
    ],
)
def test_groups(degrees: dict[str, float], groups: set[str]) -> None:
    empty = gather_pictures([], np.empty((0, 2), dtype=np.float32))
    pictures = on_circle(degrees) if degrees else empty

    assert groups_by_key(group_pictures(pictures, Facts(), cut=CUT)) == set(map(frozenset, groups))


@given(some_pictures(), cuts, st.data())
@settings(deadline=None)
def test_every_picture_is_in_exactly_one_group(
    pictures: Pictures, cut: float, data: st.DataObject
) -> None:
    facts = facts_of(data.draw(some_answers(pictures.keys)))

    groups = group_pictures(pictures, facts, cut=cut).groups

    assert sorted(row for group in groups for row in group.rows) == list(range(len(pictures)))


@given(some_pictures(), cuts, st.data())
@settings(deadline=None)
def test_the_order_of_pictures_changes_nothing(
    pictures: Pictures, cut: float, data: st.DataObject
) -> None:
    facts = facts_of(data.draw(some_answers(pictures.keys)))
    order = np.array(data.draw(st.permutations(range(len(pictures)))))
    keys = [pictures.keys[i] for i in order]
    mixed = gather_pictures(keys, pictures.features[order], pictures.signatures[order])

    assert (
        group_pictures(mixed, facts, cut=cut).groups
        == group_pictures(pictures, facts, cut=cut).groups
    )


@given(some_pictures(), cuts, st.data())
@settings(max_examples=200, deadline=None)
def test_facts_hold_in_every_grouping(pictures: Pictures, cut: float, data: st.DataObject) -> None:
    facts = facts_of(data.draw(some_answers(pictures.keys)))

    grouping = group_pictures(pictures, facts, cut=cut)

    for link in facts.together:
        assert len({group_of(grouping, key) for key in link.keys}) == 1
    for link in facts.apart:
        assert group_of(grouping, link.keys[0]) != group_of(grouping, link.keys[1])
    for one, other in combinations(facts.named, 2):
        if one.name != other.name:
            assert group_of(grouping, one.key) != group_of(grouping, other.key)
    for named in facts.named:
        for denied in facts.denied:
            if named.name == denied.name:
                assert group_of(grouping, named.key) != group_of(grouping, denied.key)


@given(some_pictures(), cuts, st.data())
@settings(deadline=None)
def test_answering_and_undoing_restores_the_groups_exactly(
    pictures: Pictures, cut: float, data: st.DataObject
) -> None:
    before = data.draw(some_answers(pictures.keys))
    spoken = {key for answer in before for key in answer.members}
    fresh = [key for key in pictures.keys if key not in spoken]
    if not fresh:
        return
    answer = answer_of(9, AnswerKind.YES, kept=fresh, name="z")
    facts = facts_of(before)
    grouping = group_pictures(pictures, facts, cut=cut)

    restored = facts_of((*before, answer, Undo(10, 0, 9)))

    assert restored == facts
    assert group_pictures(pictures, restored, cut=cut).groups == grouping.groups


def test_an_answer_regroups_only_what_it_is_about() -> None:
    pictures = blobs({"a": 6, "b": 6})
    grouping = group_pictures(pictures, Facts(), cut=CUT)
    answer = answer_of(1, AnswerKind.ODD, kept=["a00", "a01", "a02"], odd=["a03"])

    after = regroup(grouping, facts_of([answer]), answer.members)

    kept = {group for group in after.groups if after.pictures.keys[group.rows[0]][0] == "b"}
    assert kept <= set(grouping.groups)
    assert group_of(after, "a00") != group_of(after, "a03")
    assert groups_by_key(after) == groups_by_key(
        group_pictures(pictures, facts_of([answer]), cut=CUT)
    )


def test_what_is_settled_is_not_unsettled_and_the_rest_is() -> None:
    facts = facts_of([answer_of(1, AnswerKind.YES, kept=["a00", "a01"], name="ants")])

    (group,) = group_pictures(blobs({"a": 4}), facts, cut=CUT).groups

    assert group.name == "ants"
    assert group.unsettled == (2, 3)


def test_links_go_through_pictures_that_are_no_longer_there() -> None:
    pictures = on_circle({"a": 0, "c": 90})
    answers = [
        answer_of(1, AnswerKind.YES, kept=["a", "gone"]),
        answer_of(2, AnswerKind.YES, kept=["gone", "c"]),
    ]

    assert groups_by_key(group_pictures(pictures, facts_of(answers), cut=0)) == {frozenset("ac")}


def test_medoid_and_spread_are_of_the_different_pictures() -> None:
    (group,) = group_pictures(on_circle({"a": 0, "b": 4, "c": 10}), Facts(), cut=CUT).groups

    assert group.medoid == 1
    assert group.spread == pytest.approx(1 - np.cos(np.radians(6)), abs=1e-5)


def with_signatures(levels: list[list[int]]) -> Pictures:
    features = np.ones((len(levels), 2), dtype=np.float32)
    keys = [chr(ord("a") + i) for i in range(len(levels))]
    return gather_pictures(keys, features, np.array(levels, dtype=np.uint8))


def test_near_copies_are_one_picture() -> None:
    pictures = with_signatures([[10, 200], [12, 207], [90, 90]])

    (group,) = group_pictures(pictures, Facts(), cut=CUT).groups

    assert group.rows == (0, 1, 2)
    assert group.distinct == (0, 2)


@pytest.mark.parametrize(
    ("level", "distinct"),
    [pytest.param(17, (0,), id="seven-levels"), pytest.param(18, (0, 1), id="eight-levels")],
)
def test_how_far_a_copy_may_differ(level: int, distinct: tuple[int, ...]) -> None:
    (group,) = group_pictures(with_signatures([[10], [level]]), Facts(), cut=CUT).groups

    assert group.distinct == distinct


def test_a_slow_pan_is_not_one_picture() -> None:
    pictures = with_signatures([[level] for level in range(0, 50, 5)])

    (group,) = group_pictures(pictures, Facts(), cut=CUT).groups

    # 0 stands for 5; 10, 8 or more away, for 15; and so on.
    assert group.distinct == (0, 2, 4, 6, 8)


def test_a_copy_that_was_said_to_be_another_thing_is_none() -> None:
    pictures = with_signatures([[10], [10]])
    facts = facts_of([answer_of(1, AnswerKind.ODD, kept=["a"], odd=["b"])])

    grouping = group_pictures(pictures, facts, cut=CUT)

    assert groups_by_key(grouping) == {frozenset("a"), frozenset("b")}


def test_contradicting_facts_are_refused_by_name() -> None:
    answers = [
        answer_of(1, AnswerKind.YES, kept=["a", "b"], name="x"),
        answer_of(2, AnswerKind.YES, kept=["b", "c"], name="y"),
    ]

    with pytest.raises(ValueError, match=r"b is x and is y|a and b is x and is y"):
        group_pictures(on_circle({"a": 0}), facts_of(answers), cut=CUT)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0], ids=["nan", "infinite", "zero"])
def test_features_that_say_nothing_are_refused_by_name(bad: float) -> None:
    features = np.array([[1, 0], [bad, 0]], dtype=np.float32)

    with pytest.raises(ValueError, match="not those of blank"):
        gather_pictures(["good", "blank"], features)


def test_too_many_pictures_are_refused_with_the_number() -> None:
    n = MAX_PICTURES + 1

    with pytest.raises(ValueError, match="at most 100,000 pictures are grouped, got 100,001"):
        gather_pictures([str(i) for i in range(n)], np.ones((n, 1), dtype=np.float32))


def test_one_file_given_twice_is_one_picture() -> None:
    assert len(gather_pictures(["a", "a"], np.ones((2, 2), dtype=np.float32))) == 1


def test_ten_thousand_pictures() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(500, 32))
    features = np.repeat(centres, 20, axis=0) + 0.1 * rng.normal(size=(10_000, 32))
    keys = [f"{number:05}" for number in rng.permutation(10_000)]

    grouping = group_pictures(gather_pictures(keys, features.astype(np.float32)), Facts(), cut=0.1)

    assert len(grouping.groups) == 500
    assert {len(group.rows) for group in grouping.groups} == {20}
