"""Titles as witnesses: which candidates a text names, or comes near to."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.judging.titles import compare_title, read_title
from pipeline.votes import Candidate, PartOf
from pipeline.words import MAX_CHARACTERS, to_words
from tests.pipeline.judging.vote_parts import candidates

SHOP = candidates(
    Candidate("bicycle", ("mountain bike",), ("bike", "Straßenrad"), 0.3, ()),
    Candidate("tire", ("tyre",), ("tires", "inner tube"), 0.3, (PartOf("bicycle", 0.2),)),
    Candidate("inner", ("lining",), ("crème",), 0.3, ()),
)


def named(text: str) -> dict[str, float]:
    """Return what a title names, and the share of each; empty where it names nothing."""
    shares = read_title(text, SHOP)
    if shares is None:
        return {}
    assert shares.sum() == pytest.approx(1)
    return {name: float(x) for name, x in zip(SHOP.names, shares, strict=True) if x}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("a nice thing", {}, id="no-name"),
        pytest.param("My BICYCLE!", {"bicycle": 1}, id="a-name-in-any-case"),
        pytest.param("mountain-bike, 26 inch", {"bicycle": 1}, id="a-label-of-two-words"),
        pytest.param("bicycles", {}, id="only-whole-words"),
        pytest.param("motorbike", {}, id="no-part-of-a-word"),
        pytest.param("STRASSENRAD", {"bicycle": 1}, id="folded-as-the-language-does"),
        pytest.param("cre\u0300me", {"inner": 1}, id="accents-in-either-encoding"),
        pytest.param("\uff42\uff49\uff4b\uff45", {"bicycle": 1}, id="wide-letters"),
        pytest.param("bi\u200bcyc\u202ele", {"bicycle": 1}, id="hidden-characters"),
        pytest.param("inner\ntube", {"tire": 1}, id="over-a-line-break"),
        pytest.param("inner tube", {"tire": 1}, id="the-longest-alias-wins"),
        pytest.param("inner and tire", {"inner": 0.5, "tire": 0.5}, id="two-share"),
        pytest.param("bike bike bike tires", {"bicycle": 0.5, "tire": 0.5}, id="how-often-is-moot"),
        pytest.param("bicycle tire", {"tire": 1}, id="a-compound-is-its-last-noun"),
        pytest.param("mountain bike inner tube", {"tire": 1}, id="a-compound-of-four-words"),
        pytest.param(
            "tire bicycle", {"bicycle": 0.5, "tire": 0.5}, id="the-other-way-round-is-not"
        ),
        pytest.param("tire for a bike", {"bicycle": 0.5, "tire": 0.5}, id="nor-apart"),
        pytest.param("bike, tires", {"tire": 1}, id="a-comma-is-not-seen"),
        pytest.param(
            "bike with tires", {"bicycle": 0.5, "tire": 0.5}, id="nor-with-a-word-between"
        ),
        pytest.param("bike with a bike tire", {"bicycle": 0.5, "tire": 0.5}, id="named-elsewhere"),
        pytest.param("inner tire", {"inner": 0.5, "tire": 0.5}, id="no-part-of-that"),
    ],
)
def test_what_a_title_names(text: str, expected: dict[str, float]) -> None:
    assert named(text) == expected


def test_what_stands_behind_the_cap_is_not_read() -> None:
    assert named("x" * (MAX_CHARACTERS - 5) + " tire") == {"tire": 1}
    assert named("x" * (MAX_CHARACTERS - 4) + " tire") == {}


@pytest.mark.parametrize(
    "text",
    [
        "tire " * 10**6,
        "\ufdfa" * 10**6,
        "(a+)+$" * 10**5,
        "\ud800 tire",
        "\x00tire\x00",
        "a\u0301" * 9**6,
    ],
    ids=["endless", "one-sign-of-eighteen", "a-pattern", "half-a-pair", "zeros", "accents"],
)
def test_a_hostile_title_is_read_like_any_other(text: str) -> None:
    assert len(to_words(text)) <= MAX_CHARACTERS
    read_title(text, SHOP)


@given(st.text(max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    shares = read_title(text, SHOP)

    assert shares is None or shares.sum() == pytest.approx(1)


def by_letters(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed texts by how often each letter of the alphabet is in them."""
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


def test_an_embedder_finds_what_no_word_names() -> None:
    shares = compare_title("bicycles", SHOP, embed=by_letters, sharpness=20)

    assert shares is not None
    assert SHOP.names[int(shares.argmax())] == "bicycle"
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "!!!", "123"], ids=["empty", "no-word", "no-letter"])
def test_what_an_embedder_cannot_place_says_nothing(text: str) -> None:
    assert compare_title(text, SHOP, embed=by_letters, sharpness=20) is None


def test_an_embedder_without_numbers_says_nothing() -> None:
    def broken(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), 3), np.nan, np.float32)

    assert compare_title("tire", SHOP, embed=broken, sharpness=20) is None
