"""Scans with a bank: strangers are told, recorded, and told again from what was recorded."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.chunks import join_chunks
from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import ModelError
from pipeline.learning.bank import Detector
from pipeline.learning.bank_file import read_detector, write_bank
from pipeline.learning.bank_fit import choose_method, fit_bank
from pipeline.media.encode import Encoding, write_video
from pipeline.media.here import DecoderHere
from pipeline.media.pictures import Renderer
from pipeline.outputs import chunk_file, frames_table, report_json
from pipeline.records import (
    Change,
    ChunkScan,
    DamageKeys,
    Gate,
    Look,
    Outcome,
    Policy,
    ReasonKind,
    Span,
    Timings,
)
from pipeline.samples import FrameScorer
from pipeline.scan import Scan, judge_video, scan_video, write_scan
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.manifest import read_manifest
from pipeline.scoring.session import Scorer, open_scorer
from pipeline.sights import see_picture, see_video, thin_out, to_examples
from tests.films import Pixels, even_ms, film, photo
from tests.pipeline.chunk_parts import probe_file, see, spans_of, subject_of
from tests.pipeline.media.media_parts import picture
from tests.scanning import colour_policy
from tests.tints import CROPS, write_crops, write_tint_model

POLICY = replace(colour_policy(), model="tint")
HOW = Encoding(rate_hz=10, keyframe_interval=20, options={"preset": "ultrafast"})
SIZE = (160, 90)
EIGHT_S = even_ms(8_000, 10)
COFFEE = photo("coffee.png")


def tinted(pixels: Pixels) -> Pixels:
    return np.asarray(pixels // 3 + np.array((0, 20, 150), np.uint8), dtype=np.uint8)


def frames(strange: Span | None) -> Iterator[Pixels]:
    """Photographs under a moving camera; in a span of time blue as no photograph in the bank is."""
    for timestamp_ms, pixels in zip(EIGHT_S, film(EIGHT_S, size=SIZE), strict=True):
        is_strange = strange and strange.start_ms <= timestamp_ms < strange.end_ms
        yield tinted(pixels) if is_strange else pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films: of nothing strange, of much, and of a little."""
    folder = tmp_path_factory.mktemp("strangers")
    films = (("familiar", None), ("strange", Span(1_000, 8_000)), ("some", Span(0, 2_000)))
    for name, strange in films:
        write_video(folder / f"{name}.mkv", frames(strange), HOW)
    write_crops(folder / "crops")
    write_tint_model(folder)
    return folder


@pytest.fixture(scope="module")
def tint(folder: Path) -> Scorer:
    manifest = read_manifest(folder / "tint.toml")
    return open_scorer(
        manifest, device=Device.CPU, device_id=0, precision=Precision.FP32, threads=1
    )


@pytest.fixture(scope="module")
def detector(folder: Path, tint: Scorer) -> Detector:
    """A bank of the photographs that the films show."""
    paths = sorted((folder / "crops").iterdir())
    examples = to_examples(
        [see_picture(path, policy=POLICY, scorer=tint, decoder=DecoderHere()) for path in paths]
    )
    bank = fit_bank(
        examples,
        tint.facts,
        method=choose_method(examples),
        false_alarms=0.05,
        rng=np.random.default_rng(0),
    )
    (folder / "bank.npz").write_bytes(write_bank(bank))
    return read_detector(folder / "bank.npz")


def scan(path: Path, scorer: Scorer, detector: Detector | None, policy: Policy = POLICY) -> Scan:
    return scan_video(
        path,
        submission_id="sha256:test",
        policy=policy,
        scorer=scorer,
        decoder=DecoderHere(),
        tag="",
        on_progress=lambda _share: None,
        detector=detector,
    )


@pytest.fixture(scope="module")
def strange(folder: Path, tint: Scorer, detector: Detector) -> Scan:
    return scan(folder / "strange.mkv", tint, detector)


def oods_of(scanned: Scan) -> NDArray[np.float32]:
    (columns,) = scanned.frames
    return columns.ood


def test_a_video_of_strangers_goes_to_a_person(strange: Scan, detector: Detector) -> None:
    verdict = strange.report.judgement.verdict

    assert verdict.outcome is Outcome.REVIEW
    (reason,) = verdict.reasons
    assert reason.kind is ReasonKind.UNFAMILIAR
    assert "good frames" in reason.detail
    oods, times_ms = oods_of(strange), strange.frames[0].timestamps_ms
    good = ~np.isnan(oods)
    assert np.count_nonzero(good) > 8
    np.testing.assert_array_equal(oods[good] > detector.facts.threshold, times_ms[good] >= 1_000)


@pytest.mark.parametrize("name", ["familiar", "some"])
def test_a_familiar_one_passes_and_one_with_few_strangers_too(
    name: str, folder: Path, tint: Scorer, detector: Detector
) -> None:
    scanned = scan(folder / f"{name}.mkv", tint, detector)

    assert scanned.report.judgement.verdict.outcome is Outcome.PASS
    assert scanned.report.bank == detector.facts
    assert bool((oods_of(scanned) > detector.facts.threshold).any()) is (name == "some")


def test_without_a_bank_nothing_is_strange(folder: Path, tint: Scorer) -> None:
    scanned = scan(folder / "strange.mkv", tint, None)

    assert scanned.report.judgement.verdict.outcome is Outcome.PASS
    assert scanned.report.bank is None
    assert np.isnan(oods_of(scanned)).all()


def test_a_policy_that_does_not_list_the_doubt_passes_strangers(
    folder: Path, tint: Scorer, detector: Detector
) -> None:
    calm = replace(POLICY, doubts=POLICY.doubts - {ReasonKind.UNFAMILIAR})

    scanned = scan(folder / "strange.mkv", tint, detector, calm)

    assert scanned.report.judgement.verdict.outcome is Outcome.PASS
    assert scanned.report.bank == detector.facts


def test_what_was_recorded_is_judged_alike_without_model_and_bank(
    strange: Scan, tint: Scorer, folder: Path, tmp_path: Path
) -> None:
    report = write_scan(strange, tmp_path, policy=POLICY, style=HeatmapStyle())
    recorded = frames_table.read(tmp_path / "frames.parquet")

    assert report_json.read(tmp_path / "report.json") == report
    assert report.bank is not None
    assert recorded[0].bank == report.bank
    np.testing.assert_array_equal(recorded[0].ood, oods_of(strange))
    video = probe_file(folder / "strange.mkv")
    seen = ChunkScan(
        Span(0, 8_000), recorded, strange.thumbnails, DamageKeys(), Timings(0.0, 0.0, 0.0)
    )
    subject = subject_of(folder / "strange.mkv", POLICY, tint)
    softmax = tint.manifest.exclusivity

    again = judge_video(subject, video.facts, (), seen, exclusivity=softmax).report

    assert (again.judgement, again.bank) == (report.judgement, report.bank)


def test_chunks_come_to_what_the_whole_does(
    strange: Scan, folder: Path, tint: Scorer, detector: Detector
) -> None:
    path = folder / "strange.mkv"
    video = probe_file(path)
    chunks = [chunk_of(path, span, tint, detector) for span in spans_of(video, 3)]
    subject = subject_of(path, POLICY, tint)
    softmax = tint.manifest.exclusivity

    joined = judge_video(subject, video.facts, (), join_chunks(chunks), exclusivity=softmax)

    assert len(chunks) > 1
    assert joined.report.judgement.verdict == strange.report.judgement.verdict
    assert joined.report.bank == strange.report.bank
    # Where a chunk begins, a still picture is scored anew; in the whole it has its forerunner's.
    np.testing.assert_allclose(oods_of(joined), oods_of(strange), atol=1e-3)


def chunk_of(path: Path, span: Span, scorer: Scorer, detector: Detector | None) -> ChunkScan:
    """Scan a chunk, and pass it on as it is stored."""
    seen = see(probe_file(path), span, POLICY, scorer, detector=detector)
    return chunk_file.read(chunk_file.write(seen), timings=Timings(0.0, 0.0, 0.0))


def test_chunks_that_were_compared_with_different_banks_are_not_joined(
    folder: Path, tint: Scorer, detector: Detector
) -> None:
    """Half of the video would be judged by another threshold."""
    path = folder / "strange.mkv"
    one, *others = spans_of(probe_file(path), 2)
    updated = Detector(detector.bank, replace(detector.facts, sha256="another"))
    for second in (updated, None):
        chunks = [chunk_of(path, one, tint, detector), chunk_of(path, others[0], tint, second)]
        with pytest.raises(ValueError, match="one video, model and bank"):
            join_chunks(chunks)


def test_a_bank_of_another_model_is_refused_before_anything_is_decoded(
    folder: Path, colour: Scorer, detector: Detector
) -> None:
    with pytest.raises(ModelError, match="the bank was fitted on tint"):
        scan(folder / "familiar.mkv", colour, detector)


def test_a_frozen_frame_is_as_strange_as_what_it_repeats_and_a_bad_one_has_no_score(
    tint: Scorer, detector: Detector
) -> None:
    blue, black = tinted(COFFEE), np.zeros_like(COFFEE)
    renderer = Renderer(tint.manifest.input.geometry)
    shown = [COFFEE, blue, blue, black, blue, *[blue] * 4]
    sampled = [
        renderer.render(picture(1_000 * i, pixels), Look.FIRST, Change.NONE)
        for i, pixels in enumerate(shown)
    ]

    samples = list(FrameScorer(tint, POLICY.gate, detector).score_in_turn(sampled))

    gates = [sample.gate for sample in samples]
    assert gates[:5] == [Gate.OK, Gate.OK, Gate.FROZEN, Gate.BLACK, Gate.FROZEN]
    oods = np.array([sample.ood for sample in samples])
    assert np.isnan(oods[3])
    assert oods[0] <= detector.facts.threshold < oods[1]
    np.testing.assert_array_equal(np.delete(oods, 3)[1:], oods[1])


def test_a_video_is_seen_about_once_a_second_and_its_bad_frames_are_not(
    folder: Path, tint: Scorer
) -> None:
    seen = see_video(folder / "familiar.mkv", policy=POLICY, scorer=tint, decoder=DecoderHere())

    assert 8 <= len(seen.features) <= 14
    assert seen.features.shape[1] == 3
    strict = replace(POLICY, gate=replace(POLICY.gate, flat_below=255.0))
    assert (
        len(
            see_video(
                folder / "familiar.mkv", policy=strict, scorer=tint, decoder=DecoderHere()
            ).scores
        )
        == 0
    )


def test_each_file_is_a_source_of_its_own(folder: Path, tint: Scorer) -> None:
    crop = see_picture(
        folder / "crops" / "00.png", policy=POLICY, scorer=tint, decoder=DecoderHere()
    )
    clip = see_video(folder / "familiar.mkv", policy=POLICY, scorer=tint, decoder=DecoderHere())

    examples = to_examples([crop, clip, crop])

    assert examples.sources.tolist() == [0, *[1] * len(clip.scores), 2]
    np.testing.assert_array_equal(examples.features[-1], crop.features[0])


@pytest.mark.parametrize(("most", "kept"), [(1, 1), (3, 3), (99, 44)])
def test_frames_are_thinned_out_evenly(most: int, kept: int, folder: Path, tint: Scorer) -> None:
    paths = sorted((folder / "crops").iterdir())
    many = to_examples(
        [see_picture(path, policy=POLICY, scorer=tint, decoder=DecoderHere()) for path in paths]
    )
    outputs = tint.score(np.zeros((CROPS, 96, 96, 3), np.uint8))
    outputs = replace(outputs, features=many.features)

    fewer = thin_out(outputs, most)

    assert len(fewer.features) == len(fewer.scores) == len(fewer.logits) == kept
    np.testing.assert_array_equal(fewer.features[0], many.features[0])
    if kept > 1:
        np.testing.assert_array_equal(fewer.features[-1], many.features[-1])
