"""Scorers: frames in, scores out, on the device that was asked for."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from onnx import TensorProto, helper

from pipeline.errors import BackendUnavailableError, ModelError
from pipeline.records import Exclusivity, Fit, Geometry
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.contract import (
    Channels,
    InputType,
    Layout,
    Manifest,
    ModelInput,
    ModelOutputNames,
    ScoresAre,
)
from pipeline.scoring.devices import count_cuda_devices
from pipeline.scoring.session import Scorer, activate, open_scorer, prepare_batch
from tests.models import build_model, write_colour_model

SIDE = 2
MEAN, SCALE = (10.0, 20.0, 30.0), (2.0, 4.0, 5.0)
frames = arrays(np.uint8, st.tuples(st.integers(1, 3), *map(st.just, (SIDE, SIDE, 3))))
needs_no_cuda = pytest.mark.skipif(count_cuda_devices() > 0, reason="this machine has CUDA")


def scorer_of(manifest: Manifest, **options: Any) -> Scorer:
    asked = {
        "device": Device.CPU,
        "device_id": 0,
        "precision": Precision.FP32,
        "threads": 1,
        **options,
    }
    return open_scorer(manifest, **asked)


def model_input(**changes: Any) -> ModelInput:
    """An input of the tiny networks below."""
    keys = {
        "name": "pixels",
        "dtype": InputType.FLOAT32,
        "layout": Layout.NHWC,
        "channels": Channels.RGB,
        "mean": MEAN,
        "scale": SCALE,
        "geometry": Geometry(SIDE, SIDE, SIDE, Fit.STRETCH),
        **changes,
    }
    return ModelInput(**keys)


def first_pixel_model(folder: Path, **changes: Any) -> Manifest:
    """A model whose three raw scores are the three channels of the first pixel, as it got them."""
    graph = [
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("Gemm", ["flat", "pick"], ["scores"]),
    ]
    network = build_model(
        graph,
        {"pick": np.eye(SIDE * SIDE * 3, 3).tolist()},
        inputs=[helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", SIDE, SIDE, 3])],
        outputs=[helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", "L"])],
    )
    onnx.save(network, folder / "model.onnx")
    keys = {
        "model_id": "first-pixel",
        "version": "1",
        "sha256": "0" * 64,
        "licence": "Apache-2.0",
        "onnx": folder / "model.onnx",
        "input": model_input(mean=(0.0,) * 3, scale=(255.0,) * 3),
        "outputs": ModelOutputNames("scores", ScoresAre.PROBABILITIES),
        "labels": ("red", "green", "blue"),
        "exclusivity": Exclusivity.SIGMOID,
        "categories": (),
        **changes,
    }
    return Manifest(**keys)


def share_of_magenta(share: float) -> NDArray[np.uint8]:
    """One grey frame, its left *share* magenta."""
    pixels = np.full((1, 96, 96, 3), 90, dtype=np.uint8)
    pixels[:, :, : round(share * 96)] = (255, 0, 255)
    return pixels


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [(0.0, 0.0, 0.1), (0.01, 0.0, 0.1), (0.15, 0.9, 1.0), (0.5, 0.99, 1.0), (1.0, 0.99, 1.0)],
)
def test_the_colour_model_knows_its_colour(
    colour: Scorer, share: float, low: float, high: float
) -> None:
    (scores,) = colour.score(share_of_magenta(share)).scores

    assert low <= scores[1] <= high
    assert scores.sum() == pytest.approx(1)


@given(arrays(np.uint8, (96, 96, 3), elements=st.integers(0, 255), fill=st.integers(0, 255)))
def test_the_colour_model_never_forgets_what_is_in_a_batch_beside(
    colour: Scorer, frame: NDArray[np.uint8]
) -> None:
    alone = colour.score(frame[None])
    beside = colour.score(np.concatenate([share_of_magenta(1), frame[None], share_of_magenta(0)]))

    np.testing.assert_array_equal(beside.scores[1], alone.scores[0])
    np.testing.assert_array_equal(beside.features[1], alone.features[0])


def test_features_are_the_mean_of_the_feature_map(colour: Scorer) -> None:
    pixels = np.concatenate([share_of_magenta(0.25), share_of_magenta(0.5)])

    maps = colour.feature_maps(pixels)
    features = colour.score(pixels).features

    assert maps.shape == (2, 1, 96, 96)
    np.testing.assert_allclose(maps.mean(axis=(2, 3)), features, atol=1e-6)
    np.testing.assert_allclose(features[:, 0], [0.25, 0.5], atol=1e-6)


def test_no_frames_have_no_scores(colour: Scorer) -> None:
    outputs = colour.score(np.empty((0, 96, 96, 3), dtype=np.uint8))

    assert (outputs.scores.shape, outputs.features.shape) == ((0, 2), (0, 1))


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.zeros((1, 95, 96, 3), dtype=np.uint8), id="another-size"),
        pytest.param(np.zeros((96, 96, 3), dtype=np.uint8), id="one-frame-and-no-batch"),
        pytest.param(np.zeros((1, 96, 96, 3), dtype=np.float32), id="floats"),
        pytest.param(np.zeros((1, 3, 96, 96), dtype=np.uint8), id="channels-first"),
    ],
)
def test_frames_must_be_as_the_manifest_says(colour: Scorer, pixels: Any) -> None:
    with pytest.raises(ValueError, match="pixels must be uint8 of shape"):
        colour.score(pixels)


def test_frames_may_be_a_view_of_others(colour: Scorer) -> None:
    wide = np.concatenate([share_of_magenta(1), share_of_magenta(0)], axis=2)

    mirrored = colour.score(wide[:, :, ::-2])

    np.testing.assert_allclose(mirrored.features, [[0.5]], atol=1e-6)


@given(frames)
def test_a_batch_is_prepared_as_the_manifest_documents(pixels: NDArray[np.uint8]) -> None:
    """X becomes (x - mean) / scale, mean and scale in the model's order of channels."""
    wanted = model_input(layout=Layout.NCHW, channels=Channels.BGR)

    batch = prepare_batch(pixels, wanted)

    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    for (n, y, x, c), level in np.ndenumerate(pixels):
        bgr = 2 - c
        assert batch[n, bgr, y, x] == pytest.approx((level - MEAN[bgr]) / SCALE[bgr])


@given(frames)
def test_bytes_cross_as_they_are(pixels: NDArray[np.uint8]) -> None:
    plain = model_input(dtype=InputType.UINT8, mean=(0.0,) * 3, scale=(1.0,) * 3)

    batch = prepare_batch(pixels, plain)

    assert np.shares_memory(batch, pixels)


def test_a_float_model_gets_its_frames_prepared(tmp_path: Path) -> None:
    scorer = scorer_of(first_pixel_model(tmp_path))

    outputs = scorer.score(np.full((2, SIDE, SIDE, 3), (0, 51, 255), dtype=np.uint8))

    np.testing.assert_allclose(outputs.scores, [[0, 0.2, 1]] * 2, atol=1e-6)
    assert outputs.features.shape == (2, 0)


@pytest.mark.parametrize(
    ("exclusivity", "expected"),
    [
        pytest.param(Exclusivity.SOFTMAX, [0.09003057, 0.24472847, 0.66524096], id="softmax"),
        pytest.param(Exclusivity.SIGMOID, [0.5, 0.73105858, 0.88079708], id="sigmoid"),
    ],
)
def test_logits_are_activated(
    tmp_path: Path, exclusivity: Exclusivity, expected: list[float]
) -> None:
    model = first_pixel_model(
        tmp_path,
        input=model_input(mean=(0.0,) * 3, scale=(1.0,) * 3),
        outputs=ModelOutputNames("scores", ScoresAre.LOGITS),
        exclusivity=exclusivity,
    )

    outputs = scorer_of(model).score(np.full((1, SIDE, SIDE, 3), (0, 1, 2), dtype=np.uint8))

    np.testing.assert_allclose(outputs.scores, [expected], atol=1e-6)


@pytest.mark.parametrize("exclusivity", Exclusivity)
def test_huge_logits_do_not_overflow(exclusivity: Exclusivity) -> None:
    logits = np.array([[-1e30, 1e30]], dtype=np.float32)

    np.testing.assert_array_equal(activate(logits, exclusivity), [[0, 1]])


def test_scores_outside_0_to_1_are_refused(tmp_path: Path) -> None:
    """A manifest that calls logits probabilities is found out."""
    model = first_pixel_model(tmp_path, input=model_input(mean=(0.0,) * 3, scale=(1.0,) * 3))
    scorer = scorer_of(model)

    with pytest.raises(ModelError, match="no numbers from 0 to 1"):
        scorer.score(np.full((1, SIDE, SIDE, 3), 2, dtype=np.uint8))


def test_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """NaN means "not scored"; a model must not say so."""
    model = first_pixel_model(tmp_path, input=model_input(scale=(float("nan"),) * 3))

    with pytest.raises(ModelError, match="no numbers from 0 to 1"):
        scorer_of(model)


def test_labels_that_do_not_fit_an_open_length_are_found_before_any_frame(tmp_path: Path) -> None:
    model = first_pixel_model(tmp_path, labels=("one", "two"))

    with pytest.raises(ModelError, match="2 labels do not fit"):
        scorer_of(model)


def test_a_model_without_a_feature_map_says_so(tmp_path: Path) -> None:
    scorer = scorer_of(first_pixel_model(tmp_path))

    with pytest.raises(ModelError, match="names no feature_map"):
        scorer.feature_maps(np.zeros((1, SIDE, SIDE, 3), dtype=np.uint8))


def test_a_network_that_cannot_run_is_a_model_error(tmp_path: Path) -> None:
    manifest = first_pixel_model(tmp_path)
    network = onnx.load(manifest.onnx)
    network.graph.node[0].op_type = "NoSuchOperation"
    onnx.save(network, manifest.onnx)

    with pytest.raises(ModelError, match=r"model\.onnx: ONNX Runtime cannot run it"):
        scorer_of(manifest)


def test_half_precision_keeps_ports_and_scores(colour: Scorer) -> None:
    half = scorer_of(colour.manifest, precision=Precision.FP16)
    pixels = np.concatenate([share_of_magenta(share) for share in (0, 0.06, 0.1, 1)])

    exact, rounded = colour.score(pixels), half.score(pixels)

    assert rounded.scores.dtype == np.float32
    np.testing.assert_allclose(rounded.scores, exact.scores, atol=0.02)
    assert np.any(rounded.scores != exact.scores), "it must have computed in half precision"


def test_the_providers_that_run_are_named(colour: Scorer) -> None:
    assert colour.facts.providers == ("CPUExecutionProvider",)
    assert colour.facts.model_id == colour.manifest.model_id
    assert colour.facts.sha256 == colour.manifest.sha256


@needs_no_cuda
def test_cuda_that_is_not_there_is_an_error(colour: Scorer) -> None:
    with pytest.raises(BackendUnavailableError, match=r"device 0 .* offers 0 CUDA"):
        scorer_of(colour.manifest, device=Device.CUDA)


@needs_no_cuda
def test_auto_runs_on_the_cpu_where_there_is_no_cuda(colour: Scorer) -> None:
    assert scorer_of(colour.manifest, device=Device.AUTO).facts.providers == colour.facts.providers


@needs_no_cuda
def test_opening_a_scorer_leaves_the_streams_and_the_search_path_alone(tmp_path: Path) -> None:
    """ONNX Runtime tells of missing CUDA on stderr; its float16 package appends to sys.path."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pipeline.scoring.manifest import read_manifest\n"
        "from pipeline.scoring.session import Device, Precision, open_scorer\n"
        f"manifest = read_manifest(Path({str(write_colour_model(tmp_path))!r}))\n"
        "before = list(sys.path)\n"
        "options = dict(device_id=0, precision=Precision.FP16, threads=1)\n"
        "open_scorer(manifest, device=Device.AUTO, **options)\n"
        "assert sys.path == before\n"
    )

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )

    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        pytest.param(ModelOutputNames("scores", ScoresAre.PROBABILITIES), None, id="none-offered"),
        pytest.param(ModelOutputNames("scores", ScoresAre.LOGITS), [[1, 0, 0.2]], id="raw-scores"),
        pytest.param(
            ModelOutputNames("scores", ScoresAre.PROBABILITIES, logits="scores"),
            [[1, 0, 0.2]],
            id="an-output-of-their-own",
        ),
    ],
)
def test_logits_are_what_the_scores_were_made_of(
    outputs: ModelOutputNames, expected: list[list[float]] | None, tmp_path: Path
) -> None:
    scorer = scorer_of(first_pixel_model(tmp_path, outputs=outputs))
    pixels = np.zeros((1, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[0, 0, 0] = (255, 0, 51)

    logits = scorer.score(pixels).logits

    if expected is None:
        assert logits.shape == (1, 0)
    else:
        np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_the_scores_of_the_colour_model_are_the_softmax_of_its_logits(colour: Scorer) -> None:
    said = colour.score(np.concatenate([share_of_magenta(0.05), share_of_magenta(0.5)]))

    np.testing.assert_allclose(activate(said.logits, Exclusivity.SOFTMAX), said.scores, atol=1e-6)
