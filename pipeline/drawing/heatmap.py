"""The heatmap of one video: one picture from which a person sees what, when and how sure."""

import json
from collections.abc import Sequence

from pipeline.drawing.actions import ActionMap, map_to_actions
from pipeline.drawing.axis import draw_axis
from pipeline.drawing.colours import PAGE
from pipeline.drawing.failure import draw_failure
from pipeline.drawing.film import draw_film, draw_pins
from pipeline.drawing.header import draw_header
from pipeline.drawing.layout import COLUMNS, HEIGHT_PX, MAX_TILES, WIDTH_PX, lay_out
from pipeline.drawing.legend import draw_legend, draw_versions
from pipeline.drawing.png import encode_png
from pipeline.drawing.rows import draw_rows
from pipeline.drawing.style import HeatmapStyle
from pipeline.drawing.text import Canvas, new_canvas
from pipeline.drawing.tiles import draw_tiles
from pipeline.drawing.trace import draw_trace
from pipeline.judging.heatmap import reduce_to_heatmap
from pipeline.records import Event, Policy, Report, Thumbnails, Timeline

SCHEMA_VERSION = 1


def draw_heatmap(
    report: Report,
    *,
    policy: Policy,
    timelines: Sequence[Timeline],
    thumbnails: Sequence[Thumbnails],
    style: HeatmapStyle,
) -> bytes:
    """Draw one video's heatmap, 1280 x 720, and return the PNG file.

    Equal arguments give equal bytes. Where nothing was judged (no timeline, or one of no length)
    the picture says in words why.

    Args:
        report: the verdict and what led to it.
        policy: the one that the report was made with; it gives the thresholds.
        timelines: one a video stream, with the policy's categories.
        thumbnails: of the same streams, in any order; a stream may have none.
        style: colours, and how much of the frames is shown.
    """
    canvas = new_canvas(WIDTH_PX, HEIGHT_PX, PAGE)
    draw_header(canvas, report)
    if is_judged(timelines):
        judgement, pictures = report.judgement, style.pictures
        longest = max(timelines, key=lambda timeline: timeline.duration_ms)
        draw_tiles(canvas, judgement, policy=policy, thumbnails=thumbnails, style=style)
        draw_film(canvas, longest, thumbnails=thumbnails, pictures=pictures)
        _draw_plot(canvas, timelines, policy=policy, events=judgement.events, style=style)
        draw_legend(canvas, report, policy=policy, table=style.table)
    else:
        draw_failure(canvas, report)
        draw_versions(canvas, report)
    return encode_png(canvas.image, _describe(report, policy, timelines))


def is_judged(timelines: Sequence[Timeline]) -> bool:
    """Return whether there is any time to draw."""
    return any(timeline.duration_ms > 0 for timeline in timelines)


def read_actions(timelines: Sequence[Timeline], *, policy: Policy, columns: int) -> ActionMap:
    """Reduce timelines to their heatmap and see it through the policy."""
    return map_to_actions(reduce_to_heatmap(timelines, columns=columns), policy=policy)


def _draw_plot(
    canvas: Canvas,
    timelines: Sequence[Timeline],
    *,
    policy: Policy,
    events: Sequence[Event],
    style: HeatmapStyle,
) -> None:
    """Draw everything that stands over time: pins, rows, trace and axis."""
    action_map = read_actions(timelines, policy=policy, columns=COLUMNS)
    duration_ms = action_map.duration_ms
    shown = events[:MAX_TILES]
    layout = lay_out(len(action_map.categories))
    draw_pins(canvas, shown, duration_ms=duration_ms)
    draw_rows(canvas, layout, action_map, style.table)
    draw_trace(canvas, layout.trace, action_map.any_actions, policy)
    cuts_ms = [cut_ms for timeline in timelines for cut_ms in timeline.cuts_ms]
    draw_axis(canvas, duration_ms=duration_ms, cuts_ms=cuts_ms, events=shown)


def _describe(report: Report, policy: Policy, timelines: Sequence[Timeline]) -> dict[str, str]:
    """Return what the file says of itself: from what and how it was drawn, in ASCII."""
    duration_ms = max((timeline.duration_ms for timeline in timelines), default=0)
    thresholds = {rule.category: [rule.review, rule.block] for rule in policy.rules}
    facts = {
        "heatreel:schema_version": str(SCHEMA_VERSION),
        "heatreel:submission_id": report.submission_id,
        "heatreel:model_sha256": report.model.sha256,
        "heatreel:policy_sha256": report.policy_sha256,
        "heatreel:ms_per_column": repr(duration_ms / COLUMNS),
    }
    ascii_facts = {key: value.encode("ascii", "replace").decode() for key, value in facts.items()}
    return {**ascii_facts, "heatreel:thresholds": json.dumps(thresholds)}
