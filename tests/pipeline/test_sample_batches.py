"""Samples across batches: whose score a frozen frame takes, and when a batch is given away."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.media.pictures import Renderer
from pipeline.records import Change, Frame, Gate, Look, Span
from pipeline.samples import FrameScorer, Sample, to_frame_scores
from pipeline.scoring.session import Scorer
from tests.films import photo
from tests.pipeline.media.media_parts import picture
from tests.scanning import colour_policy

GATE = colour_policy().gate
PHOTO = photo("coffee.png")
TINTED = PHOTO // 3 + np.array((170, 0, 170), dtype=np.uint8)
BLACK = np.zeros_like(PHOTO)


def frames(colour: Scorer, *pictures: NDArray[np.uint8]) -> Iterator[Frame]:
    renderer = Renderer(colour.manifest.input.geometry)
    for i, pixels in enumerate(pictures):
        yield renderer.render(picture(1_000 * i, pixels), Look.FIRST, Change.NONE)


def in_turn(colour: Scorer, *pictures: NDArray[np.uint8]) -> list[Sample]:
    return list(FrameScorer(colour, GATE).score_in_turn(frames(colour, *pictures)))


def magenta(samples: list[Sample]) -> list[float]:
    return [round(float(sample.scores[1])) if sample.gate.is_good else -1 for sample in samples]


def test_the_first_of_a_batch_takes_the_last_score_of_the_one_before(colour: Scorer) -> None:
    batch = [PHOTO, TINTED, PHOTO[::-1], TINTED[::-1]]
    assert len(batch) == colour.batch_frames

    samples = in_turn(colour, *batch, TINTED[::-1], BLACK, TINTED[::-1], PHOTO)

    assert [sample.gate.name for sample in samples[4:]] == ["FROZEN", "BLACK", "FROZEN", "OK"]
    assert magenta(samples) == [0, 1, 0, 1, 1, -1, 1, 0]


def test_a_bad_frame_after_a_good_one_has_no_score(colour: Scorer) -> None:
    samples = in_turn(colour, TINTED, BLACK)

    assert np.isnan(samples[1].scores).all()


def test_a_slow_fade_is_not_frozen_from_end_to_end(colour: Scorer) -> None:
    """Each frame is compared with the last that was scored, not with the last there was."""
    fade = [np.clip(PHOTO.astype(int) + i, 0, 255).astype(np.uint8) for i in range(13)]

    gates = [sample.gate for sample in in_turn(colour, *fade)]

    assert gates.count(Gate.OK) >= 3
    assert gates.count(Gate.FROZEN) >= 3


def test_no_more_frames_are_taken_than_a_batch_needs(colour: Scorer) -> None:
    taken: list[int] = []

    def noting() -> Iterator[Frame]:
        for frame in frames(colour, *[PHOTO, TINTED] * 6):
            taken.append(frame.timestamp_ms)
            yield frame

    next(FrameScorer(colour, GATE).score_in_turn(noting()))

    assert len(taken) == colour.batch_frames


def test_what_is_known_of_a_frame_stays_with_its_sample(colour: Scorer) -> None:
    """Only a cut is a cut: a new thing in a part of the picture begins no shot."""
    changes = [Change.NONE, Change.SHOT, Change.PART, Change.SHOT]
    looks = [Look.FIRST, Look.CONFIRM, Look.EDGE, Look.FIRST]
    shown = [
        replace(frame, pts=7 * i, look=looks[i], change=changes[i])
        for i, frame in enumerate(frames(colour, PHOTO, TINTED, PHOTO, TINTED))
    ]

    samples = FrameScorer(colour, GATE).score_each(shown)
    columns = to_frame_scores(
        samples, labels=("other", "magenta"), stream=1, duration_ms=9_000, examined=(Span(0, 9),)
    )

    assert [sample.change for sample in samples] == changes
    assert [sample.thumbnail for sample in samples] == [frame.thumbnail for frame in shown]
    assert (columns.looks.tolist(), columns.pts.tolist()) == (looks, [0, 7, 14, 21])
    assert (columns.cuts_ms, columns.stream, columns.examined) == ((1_000, 3_000), 1, (Span(0, 9),))


def test_frames_that_are_not_scored_do_not_pile_up(colour: Scorer) -> None:
    taken: list[int] = []

    def black() -> Iterator[Frame]:
        renderer = Renderer(colour.manifest.input.geometry)
        for i in range(100):
            taken.append(i)
            pixels = np.zeros((90, 160, 3), dtype=np.uint8)
            yield renderer.render(picture(1_000 * i, pixels), Look.FIRST, Change.NONE)

    next(FrameScorer(colour, colour_policy().gate).score_in_turn(black()))

    assert len(taken) < 100
