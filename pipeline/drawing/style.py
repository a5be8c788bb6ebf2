"""How a heatmap is drawn; nothing here changes what the picture says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.assets import ColourMap, colour_table
from pipeline.drawing.thumbnails import Pictures


@dataclass(frozen=True, slots=True)
class HeatmapStyle:
    """The colours, and how much of the frames is shown: blurred unless asked otherwise."""

    colour_map: ColourMap = ColourMap.INFERNO
    pictures: Pictures = Pictures.BLURRED

    @property
    def table(self) -> NDArray[np.uint8]:
        """The colour map as a table, shape (256, 3), sRGB."""
        return colour_table(self.colour_map)
