"""Strangers: how unlike what a model knows a picture is, by one method each."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pipeline.judging import ood

Array = NDArray[np.float32]
NAN, INF = float("nan"), float("inf")
OF_LOGITS = (ood.maximum_softmax, ood.max_logit, ood.energy, ood.gen)
D = 4
BANK = ood.normalise(np.random.default_rng(0).normal(size=(12, D)).astype(np.float32))
LABELS = np.arange(12) % 3
logit = st.floats(-30, 30, width=32)
tables = arrays(np.float32, st.tuples(st.integers(0, 6), st.integers(1, 5)), elements=logit)
parts = st.integers(-8, 8).map(float)
rows = arrays(np.float32, st.tuples(st.integers(1, 6), st.just(D)), elements=parts).filter(
    lambda found: bool(found.any(axis=1).all())
)
banks = arrays(np.float32, st.tuples(st.integers(5, 12), st.just(D)), elements=parts).filter(
    lambda found: bool(found.any(axis=1).all())
)


def gaussians(bank: Array = BANK) -> ood.Gaussians:
    return ood.fit_mahalanobis(bank, LABELS[: len(bank)], ridge=0.1)


def virtual() -> ood.VirtualLogit:
    origin = BANK.mean(axis=0, dtype=np.float64)
    return ood.fit_vim(BANK, np.ones((12, 2), np.float32), origin=origin, directions=2)


OF_FEATURES: tuple[Callable[[Array], Array], ...] = (
    lambda features: ood.knn(features, BANK),
    lambda features: ood.mahalanobis(features, gaussians()),
    lambda features: ood.vim(features, np.ones((len(features), 2), np.float32), virtual()),
)


@pytest.mark.parametrize("method", OF_LOGITS)
@pytest.mark.parametrize(
    ("familiar", "strange"),
    [
        pytest.param([9.0, 0.0, 0.0], [1.0, 0.0, 0.0], id="less-sure"),
        pytest.param([3.0, 0.0, 0.0], [0.5, 0.4, 0.3], id="between-labels"),
        pytest.param([88.0, -88.0, 0.0], [2.0, 1.0, 0.0], id="far-out-without-overflow"),
    ],
)
def test_the_less_sure_a_model_is_the_stranger_is_what_it_sees(
    method: Callable[[Array], Array], familiar: list[float], strange: list[float]
) -> None:
    one, other = method(np.array([familiar, strange], np.float32))

    assert one < other


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        pytest.param(ood.maximum_softmax, -np.exp(2) / (np.exp(2) + np.exp(1) + 1), id="softmax"),
        pytest.param(ood.max_logit, -2.0, id="max-logit"),
        pytest.param(ood.energy, -np.log(np.exp(2) + np.exp(1) + 1), id="energy"),
        pytest.param(
            ood.gen,
            sum(
                (p * (1 - p)) ** 0.1
                for p in np.exp([2.0, 1.0, 0.0]) / np.exp([2.0, 1.0, 0.0]).sum()
            ),
            id="gen",
        ),
    ],
)
def test_the_methods_on_logits_are_those_of_their_papers(
    method: Callable[[Array], Array], expected: float
) -> None:
    (score,) = method(np.array([[2.0, 1.0, 0.0]], np.float32))

    assert score == pytest.approx(expected, rel=1e-6)


def test_of_many_labels_gen_asks_the_100_likeliest() -> None:
    few = np.zeros((1, 100), np.float32)
    many = np.concatenate([few, np.full((1, 900), -40, np.float32)], axis=1)

    assert ood.gen(many) == pytest.approx(ood.gen(few), rel=1e-6)


@pytest.mark.parametrize("method", OF_LOGITS)
@given(logits=tables, data=st.data())
def test_a_row_of_logits_is_scored_by_itself_and_its_labels_in_any_order(
    method: Callable[[Array], Array], logits: Array, data: st.DataObject
) -> None:
    scores = method(logits)

    order = data.draw(st.permutations(range(logits.shape[1])))
    np.testing.assert_allclose(method(logits[:, order]), scores, rtol=1e-5)
    for row, score in zip(logits, scores, strict=True):
        assert method(row[None]) == pytest.approx(score, rel=1e-6)
    assert scores.shape == (len(logits),)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("method", [*OF_LOGITS, *OF_FEATURES])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_what_is_no_number_is_passed_over_and_spoils_no_other(
    method: Callable[[Array], Array], bad: float
) -> None:
    given_rows = np.array([[1, 2, 3, 4], [1, bad, 3, 4], [4, 3, 2, 1]], np.float32)

    scores = method(given_rows)

    assert np.isnan(scores).tolist() == [False, True, False]
    np.testing.assert_array_equal(scores[[0, 2]], method(given_rows[[0, 2]]))


@pytest.mark.parametrize("method", OF_FEATURES)
def test_features_of_no_length_have_no_score(method: Callable[[Array], Array]) -> None:
    assert np.isnan(method(np.zeros((1, D), np.float32))).all()


@pytest.mark.parametrize("method", OF_FEATURES)
@given(features=rows, scale=st.floats(0.01, 100))
def test_the_length_of_features_does_not_matter(
    method: Callable[[Array], Array], features: Array, scale: float
) -> None:
    longer = (features * scale).astype(np.float32)

    np.testing.assert_allclose(method(longer), method(features), rtol=1e-4, atol=1e-5)


@given(features=rows, bank=banks)
def test_knn_is_the_mean_of_the_five_least_cosine_distances(features: Array, bank: Array) -> None:
    def distance(one: Array, other: Array) -> float:
        wide, long = one.astype(float), other.astype(float)
        return float(1 - wide @ long / np.sqrt((wide @ wide) * (long @ long)))

    expected = [np.mean(sorted(distance(one, other) for other in bank)[:5]) for one in features]

    np.testing.assert_allclose(ood.knn(features, ood.normalise(bank)), expected, atol=2e-6)


@given(features=rows, bank=banks, data=st.data())
def test_the_order_of_the_bank_does_not_matter(
    features: Array, bank: Array, data: st.DataObject
) -> None:
    unit = ood.normalise(bank)
    order = data.draw(st.permutations(range(len(bank))))

    np.testing.assert_array_equal(ood.knn(features, unit[order]), ood.knn(features, unit))


@given(features=rows, bank=banks, more=banks)
def test_a_bank_that_knows_more_finds_nothing_stranger(
    features: Array, bank: Array, more: Array
) -> None:
    """So a copy of a picture that it holds never makes a stranger of what was familiar."""
    unit = ood.normalise(bank)
    for added in (unit, ood.normalise(more)):
        larger = np.concatenate([unit, added])
        assert np.all(ood.knn(features, larger) <= ood.knn(features, unit))


@given(start=rows, bank=banks, share=st.floats(0, 1))
def test_the_nearer_the_bank_the_less_strange(start: Array, bank: Array, share: float) -> None:
    """On the way along the circle to the one picture that a bank knows."""
    only = ood.normalise(np.repeat(bank[:1], 5, axis=0))
    first, last = ood.normalise(start).astype(float), only[0].astype(float)
    angles = np.arccos(np.clip(first @ last, -1, 1))[:, None]
    across = first - (first @ last)[:, None] * last
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    is_turning = (lengths > 1e-3)[:, 0]
    across = across[is_turning] / lengths[is_turning]
    turned = angles[is_turning] * (1 - share)
    nearer = (np.cos(turned) * last + np.sin(turned) * across).astype(np.float32)

    assert np.all(ood.knn(nearer, only) <= ood.knn(start, only)[is_turning] + 1e-6)


@given(features=rows)
def test_a_score_does_not_hang_on_what_else_is_asked_about(features: Array) -> None:
    together = ood.knn(features, BANK)

    alone = [ood.knn(row[None], BANK)[0] for row in features]

    np.testing.assert_array_equal(together, alone)


def test_more_rows_than_are_compared_at_once_are_all_compared() -> None:
    many = np.random.default_rng(1).normal(size=(2 * ood.ROWS_AT_ONCE + 3, D)).astype(np.float32)

    scores = ood.knn(many, BANK)

    np.testing.assert_array_equal(scores[-5:], ood.knn(many[-5:], BANK))


@pytest.mark.parametrize("size", [0, 4])
def test_a_bank_of_fewer_pictures_than_are_asked_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"at least 5 rows, got {size}"):
        ood.knn(BANK, BANK[:size])


def test_mahalanobis_is_the_distance_in_deviations_to_the_nearest_label() -> None:
    """Two labels that extend alike: far along the long axis is nearer than a little across it."""
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(4_000, 2)) * [0.02, 0.002]
    labels = np.arange(4_000) % 2
    bank = (np.array([[0.6, 0.8], [-0.6, 0.8]])[labels] + spread).astype(np.float32)
    fitted = ood.fit_mahalanobis(bank, labels, ridge=1e-9)
    angle = np.arctan2(0.8, 0.6)
    near, far = angle + 0.01, angle + 0.1
    asked = np.array([[np.cos(a), np.sin(a)] for a in (angle, near, far)], np.float32)

    at, one, other = ood.mahalanobis(asked, fitted)

    offset = asked[1] - np.array([0.6, 0.8])
    assert at == pytest.approx(0, abs=0.02)
    assert one == pytest.approx(((offset / [0.02, 0.002]) ** 2).sum(), rel=0.1)
    assert one < other


def test_vim_counts_what_lies_outside_the_bank_and_what_the_logits_say() -> None:
    rng = np.random.default_rng(0)
    flat = np.concatenate([rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) * 0.01], axis=1)
    bank = ood.normalise(flat.astype(np.float32))
    logits = np.full((50, 2), 2.0, np.float32)
    fitted = ood.fit_vim(bank, logits, origin=np.zeros(4), directions=2)
    asked = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]], np.float32)

    inside, between, outside = ood.vim(asked, np.zeros((3, 2), np.float32), fitted)
    (sure,) = ood.vim(asked[:1], np.array([[9.0, 0.0]], np.float32), fitted)

    assert inside < between < outside
    assert sure < inside
    assert fitted.residual.shape == (4, 2)


@given(features=rows, data=st.data())
def test_a_sum_of_methods_rises_with_each(features: Array, data: st.DataObject) -> None:
    distances = ood.knn(features, BANK)
    logits = np.array(data.draw(st.lists(logit, min_size=len(features), max_size=len(features))))
    of_logits, of_features = ood.Scale(0.0, 2.0), ood.Scale(0.5, 0.1)

    def total(added: float) -> Array:
        highest = (logits + added).astype(np.float32)
        return ood.standardised_sum((highest, of_logits), (distances, of_features))

    assert np.all(total(1.0) >= total(0.0))
    np.testing.assert_allclose(
        total(0.0), logits / 2 + (distances.astype(float) - 0.5) / 0.1, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("deviation", [0.0, -1.0, NAN, INF])
def test_a_scale_that_cannot_be_divided_by_is_refused(deviation: float) -> None:
    with pytest.raises(ValueError, match="positive deviation"):
        ood.Scale(0.0, deviation)
