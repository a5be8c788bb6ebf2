"""The sidecar: the heatmap's content as numbers, boxes and words."""

import json
import math

import numpy as np

from pipeline.drawing.assets import ColourMap, colour_table
from pipeline.drawing.sidecar import heatmap_sidecar
from pipeline.wording.reports import alt_text
from tests.pipeline.drawing.drawing_golden import TWELVE, draw, read_pixels
from tests.pipeline.drawing.drawing_samples import Sample, all_bad, many_events, unreadable


def sidecar_of(sample: Sample) -> dict[str, object]:
    return heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)


def test_it_survives_json() -> None:
    sidecar = sidecar_of(many_events())

    assert json.loads(json.dumps(sidecar, allow_nan=False)) == sidecar


def test_rows_hold_a_number_a_column_and_null_where_nothing_was_sampled() -> None:
    sample = many_events()
    sidecar = heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)

    assert [row["category"] for row in sidecar["rows"]][:2] == ["sexual", "violence"]
    for values in [row["confidences"] for row in sidecar["rows"]] + [sidecar["any"]["actions"]]:
        assert len(values) == 1_024
        assert values[610] is None
        assert values[420] is not None
        assert all(v is None or (0 <= v <= 1 and round(v, 3) == v) for v in values)


def test_the_any_row_is_what_the_picture_shows() -> None:
    sample = many_events()
    sidecar = heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)
    left, top, _, _ = sidecar["any"]["box"]
    action = sidecar["any"]["actions"][420]

    pixel = read_pixels(draw(sample))[top + 5, left + 420]
    table = colour_table(ColourMap.INFERNO)
    assert np.abs(table[math.floor(action * 255 + 0.5)].astype(int) - pixel).max() <= 8


def test_events_have_their_tile_and_their_place() -> None:
    sample = many_events()
    sidecar = heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)

    assert [event["number"] for event in sidecar["events"]] == list(range(1, 9))
    assert sidecar["events"][0]["tile_box"] == [16, 80, 164, 164]
    first = sample.report.judgement.events[0]
    assert sidecar["events"][0]["x_px"] == 168 + first.timestamp_ms * 1_024 // 754_000


def test_rows_without_room_in_the_picture_have_no_box() -> None:
    sample = many_events(TWELVE)
    sidecar = heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)

    assert [row["box"] is None for row in sidecar["rows"]] == [False] * 5 + [True] * 7


def test_what_was_not_judged_has_words_but_no_rows() -> None:
    sidecar = sidecar_of(unreadable())

    assert sidecar["rows"] == []
    assert sidecar["any"] is None
    assert sidecar["alt_text"] == alt_text(unreadable().report)


def test_a_video_of_black_frames_is_all_null() -> None:
    sample = all_bad()
    sidecar = heatmap_sidecar(sample.report, policy=sample.policy, timelines=sample.timelines)

    assert set(sidecar["any"]["actions"]) == {None}
