"""The picture of a card: what it shows, and that nothing leaks or bursts."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.card import HEIGHT_PX, WIDTH_PX, CardView, Tile, draw_card
from pipeline.drawing.thumbnails import Pictures


def jpeg(*, stripes: bool) -> bytes:
    levels = np.where(np.arange(160) % 8 < 4, 255, 0) if stripes else np.full(160, 128)
    picture = np.repeat(levels.astype(np.uint8)[None, :, None], 120, axis=0).repeat(3, axis=2)
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    return file.getvalue()


def view(tiles: int = 5, exemplars: int = 10, unseen: int = 37, name: str = "cats") -> CardView:
    return CardView(
        question=f"Are these 42 pictures {name}?",
        detail="likeness 0.87",
        tiles=tuple(Tile(f"tile {i}", jpeg(stripes=True)) for i in range(tiles)),
        unseen=unseen,
        known=f"Known: {name}",
        exemplars=tuple(Tile(f"cat {i}", jpeg(stripes=False)) for i in range(exemplars)),
        keys="y all",
    )


def pixels_of(png: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=np.int16)


TILE = np.s_[140:220, 40:150]  # inside the first tile


def test_it_is_1280_by_480() -> None:
    assert Image.open(BytesIO(draw_card(view(), Pictures.SHARP))).size == (WIDTH_PX, HEIGHT_PX)


def test_pictures_are_sharp_blurred_or_hidden_as_asked() -> None:
    contrast = {
        shown: pixels_of(draw_card(view(), shown))[TILE].std(axis=1).max() for shown in Pictures
    }

    assert contrast[Pictures.SHARP] > 80
    assert contrast[Pictures.BLURRED] < 8
    assert contrast[Pictures.HIDDEN] < contrast[Pictures.SHARP] / 2


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(view(tiles=1, exemplars=0, unseen=0), id="one-picture-nothing-known"),
        pytest.param(view(tiles=5, exemplars=30), id="more-exemplars-than-fit"),
        pytest.param(view(name="W" * 400), id="an-endless-name"),
        pytest.param(view(name="a\n\u202eb\x1b[31m\U0001f408"), id="a-hostile-name"),
        pytest.param(view(unseen=99_999), id="many-unseen"),
    ],
)
def test_nothing_is_drawn_over_the_edge_or_the_divider(card: CardView) -> None:
    pixels = pixels_of(draw_card(card, Pictures.SHARP))

    background = np.array([16, 17, 20])
    assert (pixels[:, :12] == background).all()
    assert (pixels[:, -12:] == background).all()
    assert (pixels[100:430, 460:490] == background).all()


def test_no_more_exemplars_are_drawn_than_there_is_room_for() -> None:
    assert draw_card(view(exemplars=30), Pictures.SHARP) == draw_card(view(), Pictures.SHARP)


def test_what_is_not_at_hand_is_said() -> None:
    missing = CardView("q", "", (Tile("gone", None),), 0, "", (), "")

    assert draw_card(missing, Pictures.SHARP) != draw_card(view(), Pictures.SHARP)


def test_equal_cards_give_equal_bytes() -> None:
    assert draw_card(view(), Pictures.BLURRED) == draw_card(view(), Pictures.BLURRED)
