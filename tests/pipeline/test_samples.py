"""Samples: gated, scored in batches, and put into columns."""

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.timeline import build_timeline
from pipeline.media.pictures import Renderer
from pipeline.records import Change, Exclusivity, Frame, Gate, Look, Span
from pipeline.samples import FrameScorer, Sample, merge, to_frame_scores, to_thumbnails
from pipeline.scoring.session import Scorer
from tests.films import photo
from tests.pipeline.media.media_parts import picture
from tests.scanning import colour_policy

POLICY = colour_policy()
PHOTO = photo("coffee.png")
TINTED = PHOTO // 3 + np.array((170, 0, 170), dtype=np.uint8)
BLACK = np.zeros_like(PHOTO)


def frames(colour: Scorer, *pictures: NDArray[np.uint8]) -> list[Frame]:
    renderer = Renderer(colour.manifest.input.geometry)
    shown = [picture(1_000 * i, pixels) for i, pixels in enumerate(pictures)]
    return [renderer.render(one, Look.FIRST, Change.NONE) for one in shown]


def magenta(samples: list[Sample]) -> list[float]:
    return [round(float(sample.scores[1])) if sample.gate.is_good else -1 for sample in samples]


def test_each_frame_gets_its_own_score_whatever_the_batch(colour: Scorer) -> None:
    pictures = [PHOTO, TINTED, TINTED[::-1], PHOTO[::-1], TINTED, PHOTO, TINTED]

    samples = list(FrameScorer(colour, POLICY.gate).score_in_turn(frames(colour, *pictures)))

    assert magenta(samples) == [0, 1, 1, 0, 1, 0, 1]
    assert [sample.timestamp_ms for sample in samples] == [1_000 * i for i in range(7)]


def test_a_frozen_frame_takes_the_last_score_even_across_batches(colour: Scorer) -> None:
    pictures = [PHOTO, TINTED, *[TINTED] * 9, PHOTO, PHOTO]

    samples = list(FrameScorer(colour, POLICY.gate).score_in_turn(frames(colour, *pictures)))

    assert [sample.gate for sample in samples] == [
        Gate.OK, Gate.OK, *[Gate.FROZEN] * 9, Gate.OK, Gate.FROZEN,
    ]  # fmt: skip
    assert magenta(samples) == [0, 1, *[1] * 9, 0, 0]


def test_a_bad_frame_is_not_scored_nor_taken_for_the_last(colour: Scorer) -> None:
    samples = list(
        FrameScorer(colour, POLICY.gate).score_in_turn(frames(colour, BLACK, TINTED, BLACK, TINTED))
    )

    assert [s.gate for s in samples] == [Gate.BLACK, Gate.OK, Gate.BLACK, Gate.FROZEN]
    assert np.isnan(samples[0].scores).all()
    assert magenta(samples) == [-1, 1, -1, 1]


def test_witnesses_do_not_copy_one_another(colour: Scorer) -> None:
    samples = FrameScorer(colour, POLICY.gate).score_each(frames(colour, *[TINTED] * 6))

    assert [sample.gate for sample in samples] == [Gate.OK] * 6


def test_no_frames_give_no_samples(colour: Scorer) -> None:
    scorer = FrameScorer(colour, POLICY.gate)

    assert (list(scorer.score_in_turn([])), scorer.score_each([])) == ([], [])


def test_merging_keeps_the_order_and_the_first_of_two_at_once(colour: Scorer) -> None:
    first, second, third = FrameScorer(colour, POLICY.gate).score_each(
        frames(colour, PHOTO, TINTED, PHOTO)
    )
    rival = FrameScorer(colour, POLICY.gate).score_each(frames(colour, TINTED))

    merged = merge([first, third], [second, *rival])

    assert [s.timestamp_ms for s in merged] == [0, 1_000, 2_000]
    assert merged[0] is first


def test_columns_and_thumbnails(colour: Scorer) -> None:
    samples = FrameScorer(colour, POLICY.gate).score_each(frames(colour, PHOTO, TINTED))
    columns = to_frame_scores(
        samples,
        labels=colour.manifest.labels,
        stream=0,
        duration_ms=2_000,
        examined=(Span(0, 2_000),),
    )

    timeline = build_timeline(columns, POLICY, Exclusivity.SOFTMAX)

    assert (timeline.confidences[:, 0] > POLICY.rules[0].review).tolist() == [False, True]
    assert timeline.uncovered == ()
    jpegs = to_thumbnails(samples, stream=0).jpegs
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in jpegs)
