"""Titles as witnesses: which candidates a text names, or comes near to.

A title comes from outside: it is never more than its words, and nothing in it is a pattern.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.votes import Candidates
from pipeline.words import Words, to_words

# Brings n texts to shape (n, D); how alike two are is the cosine between their rows.
Embedder = Callable[[Sequence[str]], NDArray[np.float32]]


def read_title(text: str, candidates: Candidates) -> NDArray[np.float32] | None:
    """Return how likely a title means each candidate, by the words in it; None if it names none.

    Names, labels and aliases are matched as whole words. Where two of them overlap the longer one
    counts, and of equally long ones the later one, so "bicycle tire" as an alias of TIRE hides
    "bicycle". Without such an alias a part that directly follows its whole counts alone, too: in
    English the last noun of a compound is what it is. Otherwise all that are named share evenly.

    Returns:
        Shape (K,), float32, sums to 1.
    """
    phrases = {
        words: k for k, candidate in enumerate(candidates.candidates) for words in candidate.phrases
    }
    mentions = _find_mentions(to_words(text), phrases)
    named = {mention.candidate for mention in mentions}
    named -= _compound_wholes(mentions, candidates)
    if not named:
        return None
    shares = np.zeros(len(candidates.candidates), dtype=np.float32)
    shares[list(named)] = 1 / len(named)
    return shares


def compare_title(
    text: str, candidates: Candidates, *, embed: Embedder, sharpness: float
) -> NDArray[np.float32] | None:
    """Return how likely a title means each candidate, by how alike an embedder finds the words.

    Each candidate is as near as the nearest of its name, labels and aliases; the shares are the
    softmax of *sharpness* times the cosines.

    Returns:
        Shape (K,), float32, sums to 1; None where the text has no words or the embedder no numbers.
    """
    words = " ".join(to_words(text))
    if not words:
        return None
    owners = [k for k, each in enumerate(candidates.candidates) for _ in each.phrases]
    phrases = [" ".join(p) for each in candidates.candidates for p in each.phrases]
    rows = embed([words, *phrases]).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        return None
    alike = (rows[1:] @ rows[0]) / (lengths[1:] * lengths[0])
    nearest = np.full(len(candidates.candidates), -np.inf)
    np.maximum.at(nearest, owners, alike)
    powers = np.exp(sharpness * (nearest - nearest.max()))
    return np.asarray(powers / powers.sum(), dtype=np.float32)


@dataclass(frozen=True, slots=True, order=True)
class _Mention:
    """That the words [start, end) of a text name a candidate."""

    start: int
    end: int
    candidate: int


def _find_mentions(words: Words, phrases: dict[Words, int]) -> list[_Mention]:
    """Return what is named, in order; of overlapping phrases the longest, then the latest."""
    found = sorted(
        _all_mentions(words, phrases),
        key=lambda one: (one.end - one.start, one.start),
        reverse=True,
    )
    taken: set[int] = set()
    kept = []
    for mention in found:
        places = set(range(mention.start, mention.end))
        if not places & taken:
            taken |= places
            kept.append(mention)
    return sorted(kept)


def _all_mentions(words: Words, phrases: dict[Words, int]) -> Iterator[_Mention]:
    longest = max(map(len, phrases), default=0)
    for start in range(len(words)):
        for end in range(start + 1, min(start + longest, len(words)) + 1):
            candidate = phrases.get(words[start:end])
            if candidate is not None:
                yield _Mention(start, end, candidate)


def _compound_wholes(mentions: list[_Mention], candidates: Candidates) -> set[int]:
    """Return the wholes that only say of what a part is: those directly before their part.

    One that is named elsewhere, too, stays.
    """
    names = candidates.names
    compounds = {
        one
        for one, after in pairwise(mentions)
        if one.end == after.start
        and names[one.candidate]
        in {relation.whole for relation in candidates.candidates[after.candidate].part_of}
    }
    elsewhere = {mention.candidate for mention in mentions if mention not in compounds}
    return {mention.candidate for mention in compounds} - elsewhere
