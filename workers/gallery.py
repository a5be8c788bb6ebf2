"""The wall: what a folder of outputs holds becomes pictures, worst first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from pipeline.drawing.wall import draw_wall, split_pages
from pipeline.drawing.wall_tile import WallTile, make_wall_tile
from pipeline.errors import ReportError
from pipeline.outputs.atomic import find_reports
from pipeline.outputs.report_json import REPORT_NAME, read

SIDECAR_NAME = "heatmap.json"
NOT_SAMPLED = np.full(1, np.nan, np.float32)


class _AnyRow(BaseModel, frozen=True):
    actions: list[float | None]


class _Sidecar(BaseModel, frozen=True):
    """What the wall wants of heatmap.json."""

    any: _AnyRow | None


@dataclass(frozen=True, slots=True)
class Gallery:
    """The tiles of a folder of outputs.

    Attributes:
        tiles: one a report, by name of their folders.
        faults: one line for each report that could not be read.
    """

    tiles: tuple[WallTile, ...]
    faults: tuple[str, ...]


def find_tiles(out: Path) -> Gallery:
    """Return a tile for each report in the folders of *out*."""
    tiles, faults = [], []
    for folder in find_reports(out):
        try:
            tiles.append(_read_tile(folder))
        except ReportError as fault:
            faults.append(str(fault))
    return Gallery(tuple(tiles), tuple(faults))


def draw_pages(tiles: Sequence[WallTile], title: str) -> list[bytes]:
    """Return the PNG files of the wall, at least one, as many tiles on each as fit."""
    pages = split_pages(tiles) or [()]
    many = len(pages) > 1
    return [
        draw_wall(page, title=f"{title}, page {i} of {len(pages)}" if many else title)
        for i, page in enumerate(pages, start=1)
    ]


def name_pages(picture: Path, pages: int) -> list[Path]:
    """Return the file of each page: *picture*, then with -2, -3 ... before its ending.

    >>> [path.name for path in name_pages(Path("wall.png"), 3)]
    ['wall.png', 'wall-2.png', 'wall-3.png']
    """
    names = [f"{picture.stem}-{i}{picture.suffix}" for i in range(2, pages + 1)]
    return [picture, *(picture.with_name(name) for name in names)]


def _read_tile(folder: Path) -> WallTile:
    report = read(folder / REPORT_NAME)
    return make_wall_tile(report, peaks=_read_peaks(folder / SIDECAR_NAME))


def _read_peaks(path: Path) -> NDArray[np.float32]:
    """Return the ANY row of a heatmap.json, shape (B,), NaN where nothing was sampled."""
    try:
        row = _Sidecar.model_validate_json(path.read_bytes(), strict=True).any
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ReportError(f"{path}: not the numbers of a heatmap") from error
    if row is None or not row.actions:
        return NOT_SAMPLED
    return np.clip(np.array(row.actions, np.float32), 0, 1)  # None becomes NaN
