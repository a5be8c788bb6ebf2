"""Banks: fitted on what a model knows, with a threshold that keeps its rate of false alarms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ExamplesError, ModelError
from pipeline.judging import ood
from pipeline.learning.bank import MAX_ROWS, Bank, Detector, Examples, Method
from pipeline.learning.bank_fit import choose_method, find_threshold, sources_needed
from pipeline.records import BankFacts, ModelOutputs
from tests.pipeline.learning.bank_parts import MODEL, L, bank_of, examples_of, familiar

FACTS = BankFacts("cc", "knn", 0.5, 0.05)
STRANGE = np.array([[-5, 0, 0, 0, 0, 0], [0, 0, 5, 0, 0, 1]], np.float32)
NO_LOGITS = np.zeros((2, L), np.float32)


@pytest.mark.parametrize("method", Method)
def test_a_bank_says_what_it_is_made_of(method: Method) -> None:
    bank = bank_of(examples_of(60, frames=2, spread=0.1), method=method)

    assert (bank.model_id, bank.model_sha256) == (MODEL.model_id, MODEL.sha256)
    assert (bank.sources, bank.held_out_sources, len(bank.held_out)) == (40, 20, 40)
    assert len(bank.familiar.features) == (0 if method is Method.GEN else 80)
    assert bank.threshold in bank.held_out
    assert np.all(np.diff(bank.held_out) >= 0)


@pytest.mark.parametrize("method", [Method.KNN, Method.MAX_LOGIT_KNN])
def test_strangers_are_above_the_threshold_and_the_familiar_seldom(method: Method) -> None:
    bank = bank_of(examples_of(300), method=method)
    more = familiar(2_000, np.random.default_rng(9))
    logits = np.tile(np.array([4, 0, 0], np.float32), (len(more), 1))

    assert np.all(bank.familiar.score(STRANGE, NO_LOGITS) > bank.threshold)
    assert np.mean(bank.familiar.score(more, logits) > bank.threshold) < 0.12


def test_the_rate_of_false_alarms_is_kept_on_average() -> None:
    """Over many banks, whatever each one's luck: no more than was stated, and not far less."""
    rates = []
    for seed in range(60):
        bank = bank_of(examples_of(60, seed=seed), seed=seed, false_alarms=0.1)
        more = familiar(300, np.random.default_rng(1_000 + seed))
        scores = bank.familiar.score(more, np.zeros((300, L), np.float32))
        rates.append(np.mean(scores > bank.threshold))

    assert 0.06 < np.mean(rates) < 0.12


@pytest.mark.parametrize(
    ("false_alarms", "needed"), [(0.5, 1), (0.1, 9), (0.07, 14), (0.05, 19), (0.01, 99)]
)
def test_so_many_files_must_be_held_out(false_alarms: float, needed: int) -> None:
    """With one fewer, even the highest score of them would be passed too often."""
    assert sources_needed(false_alarms) == needed
    assert 1 / (needed + 1) <= false_alarms + 1e-9 < 1 / needed + 1e-9


@pytest.mark.parametrize(
    ("scores", "sources", "false_alarms", "threshold"),
    [
        pytest.param(range(19), range(19), 0.05, 18, id="the-fewest-so-the-highest"),
        pytest.param(range(39), range(39), 0.05, 37, id="one-of-forty-above"),
        pytest.param(range(9), range(9), 0.5, 4, id="half"),
        pytest.param([7.0] * 9, range(9), 0.5, 7, id="all-alike"),
        pytest.param([0, 0, 1, 9], [0, 1, 2, 2], 0.375, 1, id="half-a-file-above"),
        pytest.param([1, 2, 9, 9, 9, 9], [0, 1, 2, 2, 2, 2], 0.5, 2, id="a-long-file-counts-once"),
    ],
)
def test_the_threshold(
    scores: list[float], sources: list[int], false_alarms: float, threshold: float
) -> None:
    found = find_threshold(
        np.array([*scores], np.float32), np.array([*sources]), false_alarms=false_alarms
    )

    assert found == threshold


@given(st.data())
def test_the_threshold_is_the_lowest_that_keeps_the_rate(data: st.DataObject) -> None:
    files = data.draw(st.integers(3, 12))
    frames = data.draw(st.lists(st.integers(1, 4), min_size=files, max_size=files))
    sources = np.repeat(np.arange(files), frames)
    drawn = st.lists(st.integers(0, 9), min_size=len(sources), max_size=len(sources))
    scores = np.array(data.draw(drawn), np.float32)

    def expected_rate(threshold: float) -> float:
        shares = [np.mean(scores[sources == file] > threshold) for file in range(files)]
        return float((sum(shares) + 1) / (files + 1))

    found = find_threshold(scores, sources, false_alarms=0.25)

    assert expected_rate(found) <= 0.25 + 1e-9
    assert all(
        expected_rate(lower) > 0.25 + 1e-9 for lower in set(scores.tolist()) if lower < found
    )


@settings(max_examples=20)
@given(st.data())
def test_frames_of_one_file_are_never_on_both_sides(data: st.DataObject) -> None:
    """Alike frames: had one of its kind been held out, its score would be next to nothing."""
    seed = data.draw(st.integers(0, 99))
    bank = bank_of(examples_of(45, frames=4, seed=seed, spread=1e-4), seed=seed)

    assert len(bank.held_out) == 4 * bank.held_out_sources
    assert bank.held_out[0] > 1e-3


@pytest.mark.parametrize("method", [Method.KNN, Method.MAX_LOGIT_KNN])
def test_copies_of_pictures_in_other_files_change_nothing(method: Method) -> None:
    """Held out, a copy would find itself in the bank, and all else would be a stranger."""
    once = examples_of(60)
    twice = Examples(
        np.concatenate([once.features, once.features]),
        np.concatenate([once.logits, once.logits]),
        np.concatenate([once.sources, once.sources + 60]),
    )

    bank, again = bank_of(once, method=method), bank_of(twice, method=method)

    assert again.threshold == bank.threshold
    np.testing.assert_array_equal(again.familiar.features, bank.familiar.features)


def test_the_directions_lose_nothing_of_a_bank_that_they_all_fit_in() -> None:
    examples = examples_of(60)
    bank = bank_of(examples)
    rows = bank.familiar.features @ bank.familiar.basis  # back among the features

    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        bank.familiar.score(STRANGE, NO_LOGITS), ood.knn(STRANGE, rows), atol=1e-5
    )


def test_the_scale_of_distances_is_that_between_files() -> None:
    """The next video's frames have no twins in the bank."""
    bank = bank_of(examples_of(45, frames=8, spread=1e-5), method=Method.MAX_LOGIT_KNN)

    assert bank.familiar.knn_scale.mean > 1e-3


def test_a_bank_holds_no_more_than_its_bound_and_of_each_file_alike() -> None:
    """Of two very long files, only what the short ones leave room for."""
    long = examples_of(2, frames=9_000, spread=0.1)
    short = examples_of(58, frames=50, seed=1, spread=0.1)
    together = Examples(
        np.concatenate([long.features[:, ::-1], short.features]),
        np.concatenate([long.logits, short.logits]),
        np.concatenate([long.sources, short.sources + 2]),
    )
    # Which files are held out hangs on the seed: this one leaves both long ones in the bank.
    bank = bank_of(together, seed=2)

    assert len(bank.familiar.features) == MAX_ROWS
    assert bank.sources == 40
    rows = bank.familiar.features @ bank.familiar.basis
    assert np.count_nonzero(rows[:, 0] > rows[:, -1]) == 38 * 50


def test_equal_seeds_give_equal_banks_and_others_hold_out_others() -> None:
    one, same, other = bank_of(seed=1), bank_of(seed=1), bank_of(seed=2)

    np.testing.assert_array_equal(one.held_out, same.held_out)
    assert one.held_out.tolist() != other.held_out.tolist()


@pytest.mark.parametrize(
    ("files", "false_alarms", "said"),
    [
        pytest.param(0, 0.05, "no good picture", id="none"),
        pytest.param(1, 0.05, r"1 different files .* takes 38 .* 19 are held out", id="one"),
        pytest.param(37, 0.05, r"37 different files .* takes 38", id="one-too-few"),
        pytest.param(197, 0.01, r"of 0\.01 takes 198 .* 99 are held out", id="a-low-rate"),
        pytest.param(5, 0.5, r"takes 6 .* of which 1 ", id="five-to-compare-with"),
    ],
)
def test_too_few_files_are_refused_saying_how_many_it_takes(
    files: int, false_alarms: float, said: str
) -> None:
    with pytest.raises(ExamplesError, match=said):
        bank_of(examples_of(files), false_alarms=false_alarms)


@pytest.mark.parametrize(("files", "false_alarms"), [(38, 0.05), (198, 0.01), (6, 0.5)])
def test_just_enough_files_are_enough(files: int, false_alarms: float) -> None:
    assert bank_of(examples_of(files), false_alarms=false_alarms).false_alarms == false_alarms


def test_many_frames_of_few_files_are_too_few() -> None:
    with pytest.raises(ExamplesError, match="3 different files"):
        bank_of(examples_of(3, frames=100, spread=0.1))


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_or_logits_that_are_no_numbers_are_refused(method: Method, bad: float) -> None:
    given = examples_of(60)
    features, logits = given.features.copy(), given.logits.copy()
    features[3, 1] = logits[3, 1] = bad

    with pytest.raises(ExamplesError, match=r"no numbers for 1 pictures"):
        bank_of(Examples(features, logits, given.sources), method=method)


@pytest.mark.parametrize(
    ("features", "logits", "method", "said"),
    [
        pytest.param(0, 3, Method.KNN, "knn needs features", id="no-features"),
        pytest.param(6, 0, Method.MAX_LOGIT_KNN, "needs logits", id="no-logits"),
        pytest.param(6, 0, Method.GEN, "gen needs logits", id="no-logits-for-gen"),
    ],
)
def test_a_method_gets_what_it_needs_or_is_refused(
    features: int, logits: int, method: Method, said: str
) -> None:
    given = examples_of(60)
    less = Examples(given.features[:, :features], given.logits[:, :logits], given.sources)

    with pytest.raises(ExamplesError, match=said):
        bank_of(less, method=method)


def test_features_of_nothing_but_zeros_are_refused() -> None:
    given = examples_of(60)
    with pytest.raises(ExamplesError, match="nothing but zeros"):
        bank_of(Examples(given.features * 0, given.logits, given.sources))


def test_a_model_that_says_the_same_of_all_teaches_nothing() -> None:
    given = examples_of(60)
    same = Examples(given.features, given.logits * 0, given.sources)

    with pytest.raises(ExamplesError, match="the same of all"):
        bank_of(same, method=Method.MAX_LOGIT_KNN)


@pytest.mark.parametrize(
    ("features", "logits", "method"),
    [(6, 3, Method.KNN), (6, 0, Method.KNN), (0, 3, Method.GEN)],
)
def test_the_method_goes_by_what_the_model_offers(
    features: int, logits: int, method: Method
) -> None:
    given = examples_of(1)
    offered = Examples(given.features[:, :features], given.logits[:, :logits], given.sources)

    assert choose_method(offered) is method


def test_a_model_that_offers_nothing_has_no_bank() -> None:
    given = examples_of(1)
    with pytest.raises(ExamplesError, match="neither features nor logits"):
        choose_method(Examples(given.features[:, :0], given.logits[:, :0], given.sources))


def test_a_bank_of_another_model_is_refused_by_its_hash() -> None:
    detector = Detector(bank_of(), FACTS)

    detector.require_model(MODEL)
    detector.require_model(replace(MODEL, model_id="called otherwise"))
    with pytest.raises(ModelError, match=r"fitted on test, sha256 abab.*: fit it again"):
        detector.require_model(replace(MODEL, sha256="cd" * 32))


def test_a_detector_scores_what_a_model_says() -> None:
    bank = bank_of()
    outputs = ModelOutputs(NO_LOGITS, STRANGE, NO_LOGITS)

    np.testing.assert_array_equal(
        Detector(bank, FACTS).score(outputs), bank.familiar.score(STRANGE, NO_LOGITS)
    )


def spoilt(bank: Bank, **changes: object) -> Bank:
    return replace(bank, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": float("nan")},
        {"held_out": np.array([np.inf], np.float32), "held_out_sources": 1},
        {"held_out": np.array([], np.float32)},
        {"held_out_sources": 0},
        {"sources": 0},
        {"false_alarms": 0.0},
        {"false_alarms": 0.6},
    ],
    ids=str,
)
def test_a_bank_that_makes_no_sense_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"threshold|sources|false_alarms"):
        spoilt(bank_of(), **changes)


@pytest.mark.parametrize("rows", [0, 4])
def test_fewer_rows_than_neighbours_are_no_bank(rows: int) -> None:
    bank = bank_of()
    with pytest.raises(ValueError, match=f"features must be 5 to 10,000, got {rows}"):
        replace(bank.familiar, features=bank.familiar.features[:rows])
