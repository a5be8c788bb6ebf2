"""The strip: the ANY row alone."""

import numpy as np

from pipeline.drawing.assets import ColourMap
from pipeline.drawing.colours import HATCH_DARK, HATCH_LIGHT
from pipeline.drawing.layout import lay_out
from pipeline.drawing.strip import draw_strip
from tests.pipeline.drawing.drawing_golden import draw, read_pixels
from tests.pipeline.drawing.drawing_samples import many_events, one_event


def test_it_shows_the_any_row_of_the_heatmap() -> None:
    sample = many_events()
    strip = read_pixels(draw_strip(sample.timelines, policy=sample.policy))
    row = lay_out(5).any_row
    whole = read_pixels(draw(sample))

    assert strip.shape == (44, 1_024, 3)
    heat, bar = strip[:38], strip[39:44]
    is_hatch = (whole[row.top, row.left : row.right, 0] == HATCH_LIGHT[0]) | (
        whole[row.top, row.left : row.right, 0] == HATCH_DARK[0]
    )
    expected = whole[row.top : row.top + 38, row.left : row.right]
    np.testing.assert_array_equal(heat[:, ~is_hatch], expected[:, ~is_hatch])
    expected_bar = whole[row.bottom + 1 : row.bottom + 6, row.left : row.right]
    np.testing.assert_array_equal(bar, expected_bar)


def test_equal_input_gives_equal_bytes() -> None:
    sample = one_event()

    one = draw_strip(sample.timelines, policy=sample.policy)
    assert one == draw_strip(sample.timelines, policy=sample.policy)
    cividis = draw_strip(sample.timelines, policy=sample.policy, colour_map=ColourMap.CIVIDIS)
    assert one != cividis


def test_it_is_hatched_where_nothing_was_judged() -> None:
    pixels = read_pixels(draw_strip([], policy=one_event().policy))

    assert set(map(tuple, pixels[:38].reshape(-1, 3).tolist())) == {HATCH_LIGHT, HATCH_DARK}
