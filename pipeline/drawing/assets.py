"""The colour maps and the font that matplotlib brings: the one place that knows matplotlib."""

from enum import Enum, StrEnum
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import ImageFont


class ColourMap(StrEnum):
    """Colour maps whose lightness rises all the way, so that grey prints and any eye can read."""

    INFERNO = "inferno"
    CIVIDIS = "cividis"


class Weight(Enum):
    """The two cuts of DejaVu Sans that are used, by their files."""

    REGULAR = "DejaVuSans.ttf"
    BOLD = "DejaVuSans-Bold.ttf"


@cache
def colour_table(colour_map: ColourMap) -> NDArray[np.uint8]:
    """Return a colour map as a read-only table, shape (256, 3), sRGB."""
    table = mpl.colormaps[colour_map.value](np.arange(256), bytes=True)[:, :3].copy()
    table.flags.writeable = False
    return np.asarray(table, dtype=np.uint8)


@cache
def load_font(size_px: int, weight: Weight) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans at a size; the basic layout engine draws the same on every machine."""
    return ImageFont.truetype(_font_path(weight), size_px, layout_engine=ImageFont.Layout.BASIC)


@cache
def drawable_codes() -> frozenset[int]:
    """Return the code points for which both cuts of the font have a glyph."""
    maps = [set(FT2Font(str(_font_path(weight))).get_charmap()) for weight in Weight]
    return frozenset(set.intersection(*maps))


def _font_path(weight: Weight) -> Path:
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / weight.value
