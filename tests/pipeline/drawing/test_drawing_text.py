"""Text from outside stays in its box."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.drawing.text import HEADLINE, SMALL, clean, fit, text_width, wrap
from pipeline.wording.cleaning import NO_GLYPH

anything = st.text(st.characters(codec=None), max_size=80)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("two\nlines\tand  more", "two lines and more", id="one-line"),
        pytest.param("a\x00\x1b[31mb\x7f", "a[31mb", id="control-characters"),
        pytest.param("gpj.\u202egnp", "gpj.gnp", id="direction-override"),
        pytest.param("z\u0334\u0335\u0336a\u0301", "zá", id="piled-up-accents"),
        pytest.param("party 🎉", f"party {NO_GLYPH}", id="no-glyph"),
        pytest.param("bad\udcffname", f"bad{NO_GLYPH}name", id="not-utf-8"),
        pytest.param("שלום", "שלום", id="right-to-left"),
        pytest.param("", "", id="empty"),
    ],
)
def test_cleaning(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(anything)
def test_cleaned_text_is_one_line_without_controls(text: str) -> None:
    cleaned = clean(text)

    assert not any(unicodedata.category(c)[0] == "C" for c in cleaned)
    assert cleaned == clean(cleaned)


@given(anything, st.integers(16, 200))
def test_fitted_text_fits(text: str, width_px: int) -> None:
    assert text_width(fit(text, SMALL, width_px=width_px), SMALL) <= width_px


def test_what_fits_is_not_cut() -> None:
    width_px = text_width("nudity", SMALL)

    assert fit("nudity", SMALL, width_px=width_px) == "nudity"
    assert fit("nudity", SMALL, width_px=width_px - 1) == "nud…"


def test_an_endless_text_costs_no_more_than_a_long_one() -> None:
    assert fit("x" * 10_000_000, SMALL, width_px=40).endswith("…")


@given(anything, st.integers(60, 300), st.integers(1, 3))
def test_wrapped_lines_fit(text: str, width_px: int, max_lines: int) -> None:
    lines = wrap(text, HEADLINE, width_px=width_px, max_lines=max_lines)

    assert len(lines) <= max_lines
    assert all(text_width(line, HEADLINE) <= width_px for line in lines)


def test_wrapping_breaks_between_words_and_says_where_it_stops() -> None:
    width_px = text_width("one two", SMALL)
    lines = wrap("one two three four five six", SMALL, width_px=width_px, max_lines=2)

    assert lines[0] == "one two"
    assert lines[1].endswith("…")
