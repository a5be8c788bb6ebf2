"""Text from outside never leaves its place in the heatmap."""

import pytest

from tests.pipeline.drawing.drawing_golden import draw, read_pixels
from tests.pipeline.drawing.drawing_parts import FIVE
from tests.pipeline.drawing.drawing_samples import many_events, one_event, unreadable

HOSTILE = {
    "endless": "x" * 100_000,
    "words": "many words " * 300,
    "right-to-left": "שלום עולם " * 40,
    "override": "\u202egnp.exe" * 20,
    "emoji": "🎉🔥👩‍👩‍👧‍👦" * 50,
    "controls": "a\x00b\x1b[31mc\x07\x7f",
    "newlines": "first\nsecond\r\nthird\u2028fourth",
    "accents": "z" + "\u0334\u0335\u0336" * 100,
    "not utf-8": "bad\udcff\udc80name",
    "markup": "<script>alert(1)</script>&amp;",
    "wide": "﷽𒐫" * 40,
    "empty": "",
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_tag_stays_in_the_header(name: str) -> None:
    plain = read_pixels(draw(one_event(tag="plain")))
    hostile = read_pixels(draw(one_event(tag=HOSTILE[name])))

    changed = (plain != hostile).any(axis=2)
    assert not changed[64:].any()
    assert not changed[:, :600].any()
    assert not changed[:, 1265:].any()


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "empty"])
def test_a_hostile_category_stays_out_of_the_plot(name: str) -> None:
    plain = read_pixels(draw(many_events(FIVE)))
    hostile = read_pixels(draw(many_events((HOSTILE[name], *FIVE[1:]))))

    changed = (plain != hostile).any(axis=2)
    assert changed.any()
    assert not changed[196:680, 159:].any()
    assert not changed[:, 1265:].any()


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_detail_stays_in_its_panel(name: str) -> None:
    pixels = read_pixels(draw(unreadable(HOSTILE[name] * 3)))

    plain = read_pixels(draw(unreadable("plain")))
    changed = (plain != pixels).any(axis=2)
    assert not changed[500:].any()
    assert not changed[:, 1265:].any()
