"""The whole loop on real pictures: handwritten digits, and somebody who is never wrong."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.learning.facts import facts_of
from pipeline.learning.groups import group_pictures
from tests.answerer import Played, ask, label_pictures, play


@pytest.fixture(scope="module")
def played() -> Played:
    digits = load_digits()
    features = digits.data[:900].astype(np.float32)
    return play(*label_pictures(features, digits.target[:900].tolist()))


def test_an_answer_settles_many_pictures_and_nearly_all_rightly(played: Played) -> None:
    # Half of the digits: the groups are half as large as with all 1,797 (the bench: 11.5).
    assert played.per_answer >= 8
    assert played.share_right >= 0.995


def test_most_guesses_are_right_once_names_are_known(played: Played) -> None:
    guessed = [answer for answer in played.log if answer.guesses]

    assert np.mean([answer.name in answer.guesses for answer in guessed]) > 0.7


def test_no_question_settles_too_few(played: Played) -> None:
    assert min(len(answer.members) for answer in played.log) >= 5


def test_grouping_all_anew_asks_nothing_that_was_answered(played: Played) -> None:
    facts = facts_of(played.log)
    grouping = group_pictures(played.grouping.pictures, facts)

    names = facts.names
    for group in grouping.groups:
        said = {names[key] for row in group.rows if (key := grouping.pictures.keys[row]) in names}
        assert len(said) <= 1
    asked = {key for card in ask(grouping, facts) for key in card.members}
    assert asked.isdisjoint(names)
