"""The goldens of the heatmap: where things stand, and what the parts without text look like.

``python tests/pipeline/drawing/drawing_golden.py`` (with the repository's root and this folder on
PYTHONPATH) writes them anew.
"""

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.drawing.heatmap import draw_heatmap
from pipeline.drawing.sidecar import heatmap_sidecar
from pipeline.drawing.style import HeatmapStyle
from tests.pipeline.drawing.drawing_parts import FIVE
from tests.pipeline.drawing.drawing_samples import (
    Sample,
    a_millisecond,
    many_events,
    nothing_found,
    one_event,
)

GOLDEN = Path(__file__).with_name("golden.json")
TWELVE = tuple(f"category {i}" for i in range(12))
BAR_PX = 6  # what the bar takes under a row


def golden_samples() -> dict[str, Sample]:
    """Return the samples that the goldens are made of, by name."""
    return {
        "nothing found": nothing_found(),
        "one event": one_event(),
        "two categories": many_events(FIVE[:2]),
        "five categories": many_events(),
        "twelve categories": many_events(TWELVE),
        "ten hours": many_events(duration_ms=36_000_000),
        "a millisecond": a_millisecond(),
    }


def draw(sample: Sample, style: HeatmapStyle | None = None) -> bytes:
    """Draw a sample's heatmap."""
    return draw_heatmap(
        sample.report,
        policy=sample.policy,
        timelines=sample.timelines,
        thumbnails=sample.thumbnails,
        style=style or HeatmapStyle(),
    )


def read_pixels(png: bytes) -> NDArray[np.uint8]:
    """Decode a PNG file to an array of shape (H, W, 3)."""
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def describe(sample: Sample) -> dict[str, Any]:
    """Return a sample's boxes, and hashes of its rows and its trace."""
    sidecar = heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)
    pixels = read_pixels(draw(sample))
    boxes = {"any": sidecar["any"]["box"], "trace": sidecar["trace_box"]}
    boxes |= {row["category"]: row["box"] for row in sidecar["rows"] if row["box"]}
    return {
        "boxes": boxes,
        "tiles": [[event["x_px"], *event["tile_box"]] for event in sidecar["events"]],
        "hashes": {name: _hash(pixels, box) for name, box in boxes.items()},
    }


def _hash(pixels: NDArray[np.uint8], box: list[int]) -> str:
    left, top, right, bottom = box
    part = np.ascontiguousarray(pixels[top : bottom + BAR_PX, left:right])
    return hashlib.sha256(part.tobytes()).hexdigest()[:16]


if __name__ == "__main__":
    golden = {name: describe(sample) for name, sample in golden_samples().items()}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
