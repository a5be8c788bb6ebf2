"""Opinions: what several pictures of one object say together, by one of two rules.

**Majority** is what one would write first: each picture votes for its likeliest candidate. It
forgets how sure each picture is, counts copies as often as they come, and knows no priors.

**Pooled** asks what would explain all pictures at once. The object is one of K candidates or none
of them (a column of its own, the last). For object k the likelihood of picture i is

    L_i(k) = (1 - stray) * (K + 1) * sum_l shows(k, l) * p_i(l)  +  stray

with p_i the calibrated confidences (under an even prior, so K + 1 times a confidence is a
likelihood ratio), shows(k, l) the share of the pictures of k that show l (k itself or a part of
it), and `stray` the share of pictures that show something else: it bounds what one picture can say
against an answer. The pool is log-linear, a weighted geometric mean:

    log P(k) = log prior(k) + log T(k) + s * sum_i w_i * log L_i(k) + constant

with T the likelihood of the title, made as L is, of what it says and how often titles are wrong.

Log-linear pools are externally Bayesian: the prior comes in once, however many pictures there are
(Genest and Zidek, "Combining Probability Distributions", Statistical Science 1986); with s = 1 and
even weights this is a product of experts (Hinton, 2002). But one model's slips on pictures of one
object recur, so the experts are not independent: with W the sum of the weights, s = W^(t - 1)
makes W pictures count like W^t, from one (t = 0) to all of them (t = 1). Copies of a picture share
one vote before that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.votes import Candidates


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What the voters say together; G voters, K candidates, a last column for "none of them".

    Attributes:
        confidences: shape (K + 1,), float64, sums to 1.
        order: shape (K + 1,), the columns from the likeliest to the least.
        margin: how far the first is ahead of the second, 0 or more.
        said: shape (G, K + 1), what each voter says by itself.
        weights: shape (G,), what each voter counts, not negative.
    """

    confidences: NDArray[np.float64]
    order: NDArray[np.int64]
    margin: float
    said: NDArray[np.float64]
    weights: NDArray[np.float64]

    def __post_init__(self) -> None:
        wide = len(self.confidences)
        require_array("confidences", self.confidences, np.float64, (None,))
        require_array("order", self.order, np.int64, (wide,))
        require_array("said", self.said, np.float64, (len(self.weights), wide))
        seal(self)


def count_majority(said: NDArray[np.float64]) -> Opinion:
    """Return each column's share of the votes, of G pictures that each vote for their likeliest.

    Of columns with equally many votes the one with the higher mean confidence goes first, and the
    margin between them is that of those means.

    Args:
        said: shape (G, K + 1), each row sums to 1; G at least 1.

    >>> count_majority(np.array([[0.6, 0.4, 0.0], [0.1, 0.9, 0.0]])).order.tolist()
    [1, 0, 2]
    """
    n, wide = said.shape
    votes = np.bincount(np.argmax(said, axis=1), minlength=wide) / n
    means = _sum_in_any_order(said) / n
    order = np.lexsort((np.arange(wide), -means, -votes)).astype(np.int64)
    first, second = order[:2]
    is_level = votes[first] == votes[second]
    ahead = means[first] - means[second] if is_level else votes[first] - votes[second]
    return Opinion(votes, order, float(ahead), said, np.ones(n))


def pool(
    said: NDArray[np.float64],
    weights: NDArray[np.float64],
    text: NDArray[np.float64] | None,
    candidates: Candidates,
) -> Opinion:
    """Return the log-linear pool of what G pictures, none a copy of another, and a text say.

    It is the same, to the last bit, in whatever order the pictures come.

    Args:
        said: shape (G, K + 1), each row sums to 1; G at least 1.
        weights: shape (G,), above 0.
        text: shape (K + 1,), sums to 1, what the text says; None where it says nothing.
        candidates: priors, parts, and how far each witness is trusted.
    """
    trust = candidates.pooling
    shown = explain(said, shown_shares(candidates))
    likelihoods = _log_likelihoods(shown, wrong=trust.stray_share)
    scale = min(1.0, float(np.sort(weights).sum()) ** (trust.independence - 1))
    log_pool = log_priors(candidates) + scale * _sum_in_any_order(weights[:, None] * likelihoods)
    if text is not None:
        log_pool = log_pool + _log_likelihoods(text, wrong=1 - trust.text_strength)
    powers = np.exp(log_pool - log_pool.max())
    confidences = powers / powers.sum()
    order = np.argsort(-log_pool, kind="stable").astype(np.int64)
    margin = float(confidences[order[0]] - confidences[order[1]])
    return Opinion(confidences, order, margin, said, weights)


def explain(said: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how well each object explains what each picture shows, (G, K + 1) as *said*.

    Column by column, not as one product of matrices, whose last bits depend on the other rows.
    """
    explained = np.empty_like(said)
    for k, row in enumerate(shares):
        columns = np.flatnonzero(row)
        explained[:, k] = np.sum(said[:, columns] * row[columns], axis=1)
    return explained


def shown_shares(candidates: Candidates) -> NDArray[np.float64]:
    """Return what the pictures of each object show, (K + 1, K + 1): row = object, column = shown.

    A whole shows itself or one of its parts, and a part's own parts in their turn. So a picture of
    a part speaks for the whole as well, but less than for the part; and no number of them says
    anything against a whole that another picture shows.
    """
    names = candidates.names
    direct = np.eye(len(names) + 1)
    for part, candidate in enumerate(candidates.candidates):
        for relation in candidate.part_of:
            whole = names.index(relation.whole)
            direct[whole, part] = relation.share
            direct[whole, whole] -= relation.share
    return _follow(direct)


def log_priors(candidates: Candidates) -> NDArray[np.float64]:
    """Return the logarithm of the priors, shape (K + 1,), the last for "none of them"."""
    priors = [candidate.prior for candidate in candidates.candidates]
    with np.errstate(divide="ignore"):  # where the candidates are all there is, it is never none
        return np.asarray(np.log([*priors, max(candidates.other_prior, 0.0)]))


def disagreement(opinion: Opinion, column: int, shares: NDArray[np.float64]) -> float:
    """Return the share of the votes that say something else than *column*, 0 to 1.

    A picture of a part does not disagree with the whole. One that most likely shows none of the
    candidates says nothing, and one that cannot choose does not disagree either.
    """
    is_same = shares[column] > 0
    other = opinion.said[:, ~is_same].max(axis=1)
    disagrees = (other > opinion.said[:, is_same].max(axis=1)) & (other > opinion.said[:, -1])
    against = np.sort(opinion.weights[disagrees]).sum()
    return float(against / np.sort(opinion.weights).sum())


def _log_likelihoods(explained: NDArray[np.float64], *, wrong: float) -> NDArray[np.float64]:
    """Return the logarithm of how much likelier than usual each object, (..., K + 1), makes it."""
    wide = explained.shape[-1]
    return np.asarray(np.log((1 - wrong) * wide * explained + wrong))


def _follow(direct: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares with parts of parts followed: each row is its own and its parts' rows."""
    own = np.diag(direct)
    parts = direct - np.diag(own)
    shares = np.diag(own)
    for _ in range(len(direct)):  # no chain of parts is longer
        followed = np.diag(own) + parts @ shares
        if np.array_equal(followed, shares):
            break
        shares = followed
    return shares


def _sum_in_any_order(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of rows, the same to the last bit whatever their order."""
    return np.asarray(np.sort(rows, axis=0).sum(axis=0))


def with_none(rows: NDArray[np.float32] | Sequence[float]) -> NDArray[np.float64]:
    """Return confidences (..., K) with a last column for what is missing to 1.

    >>> with_none([0.5, 0.25]).tolist()
    [0.5, 0.25, 0.25]
    """
    known = np.asarray(rows, dtype=np.float64)
    rest = np.maximum(1 - known.sum(axis=-1, keepdims=True), 0)
    return np.concatenate([known, rest], axis=-1)
