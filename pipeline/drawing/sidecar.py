"""The sidecar: what the heatmap shows, as numbers, boxes and words for a page to build upon."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.actions import ActionMap
from pipeline.drawing.heatmap import SCHEMA_VERSION, is_judged, read_actions
from pipeline.drawing.layout import (
    COLUMNS,
    HEIGHT_PX,
    MAX_TILES,
    WIDTH_PX,
    Box,
    film_boxes,
    lay_out,
    tile_box,
    time_to_px,
)
from pipeline.records import Policy, Report, Timeline
from pipeline.wording.reports import alt_text

DECIMALS = 3


def heatmap_sidecar(
    report: Report, *, policy: Policy, timelines: Sequence[Timeline]
) -> dict[str, Any]:
    """Return the heatmap's content, ready for ``json.dumps``.

    `rows` holds one entry a category, worst first, with its 1024 confidences in [0, 1] and its box
    in the picture, null where it has none; `any` the ANY row as action values in [0, 1] (review is
    0.35, block 0.75, whatever the thresholds). null in a row = not sampled. Boxes are left, top,
    right, bottom in pixels, half-open. Where nothing was judged there are no rows.
    """
    events = report.judgement.events[:MAX_TILES]
    sidecar: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "submission_id": report.submission_id,
        "verdict": report.judgement.verdict.outcome.value,
        "alt_text": alt_text(report),
        "width_px": WIDTH_PX,
        "height_px": HEIGHT_PX,
        "duration_ms": 0,
        "any": None,
        "trace_box": None,
        "rows": [],
        "film_boxes": [_corners(box) for box in film_boxes()],
        "events": [],
    }
    if not is_judged(timelines):
        return sidecar
    action_map = read_actions(timelines, policy=policy, columns=COLUMNS)
    layout = lay_out(len(action_map.categories))
    return sidecar | {
        "duration_ms": action_map.duration_ms,
        "any": {"box": _corners(layout.any_row), "actions": _numbers(action_map.any_actions)},
        "trace_box": _corners(layout.trace),
        "rows": _rows(action_map, layout.rows),
        "events": [
            asdict(event)
            | {
                "number": index + 1,
                "tile_box": _corners(tile_box(index)),
                "x_px": time_to_px(event.timestamp_ms, action_map.duration_ms),
            }
            for index, event in enumerate(events)
        ],
    }


def _rows(action_map: ActionMap, boxes: Sequence[Box]) -> list[dict[str, Any]]:
    return [
        {
            "category": action_map.categories[row],
            "confidences": _numbers(action_map.confidences[row]),
            "box": _corners(boxes[place]) if place < len(boxes) else None,
        }
        for place, row in enumerate(action_map.worst_first)
    ]


def _numbers(values: NDArray[np.float32]) -> list[float | None]:
    """Return the values rounded to three decimals, None for NaN."""
    is_known = ~np.isnan(values)
    rounded = np.round(values.astype(np.float64), DECIMALS).tolist()
    return [value if known else None for value, known in zip(rounded, is_known, strict=True)]


def _corners(box: Box) -> list[int]:
    return [box.left, box.top, box.right, box.bottom]
