"""The built-in models say what their originals say, and see what is in a picture."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import skimage.data
from av import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipeline.media.decode import Picture
from pipeline.media.pictures import Renderer
from pipeline.records import Change, Geometry, Look
from pipeline.scoring.builtin import BUILT_INS, find_weights
from pipeline.scoring.session import Scorer

SHARED = Path(__file__).parents[3].parent / "shared"
PICTURES = ("astronaut", "brick", "camera", "chelsea", "clock", "coffee", "coins", "page", "rocket")
BGR_MEAN = np.array([104, 117, 123], dtype=np.float32)
# What the network of tests/reference, in torch, makes of a corner of these photographs.
BY_TORCH = [
    ("chelsea", {"egyptian cat": 0.4530, "tiger cat": 0.3965, "tabby": 0.0806, "lynx": 0.0060}),
    ("coffee", {"espresso": 0.9132, "coffee mug": 0.0174, "cup": 0.0144}),
    ("astronaut", {"banjo": 0.2571, "french horn": 0.0946, "cornet": 0.0603, "trombone": 0.0409}),
]
CATS = {"tabby", "tiger cat", "egyptian cat"}
NOISE = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)

Pixels = NDArray[np.uint8]
Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def photograph(name: str) -> Pixels:
    """One of the photographs of scikit-image, in RGB."""
    picture = np.asarray(getattr(skimage.data, name)())
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def bring(picture: Pixels, geometry: Geometry) -> Pixels:
    """A picture as the media stage brings it to a model, from the colours that videos have."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    shown = Picture(0, 0, frame.reformat(format="yuv420p"))
    return Renderer(geometry).render(shown, Look.FIRST, Change.NONE).pixels


@pytest.fixture(scope="module")
def untouched() -> Score:
    """Open NSFW as it is given, on floats in BGR."""
    session = onnxruntime.InferenceSession(
        find_weights(BUILT_INS[0]), providers=["CPUExecutionProvider"]
    )

    def score(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(["outputs"], {"input:0": batch})[0])

    return score


def reference_input(picture: Pixels, *, jpeg: bool) -> NDArray[np.float32]:
    """Yahoo's own preprocessing: stretched, cropped, with or without the trip through JPEG."""
    image = Image.fromarray(picture).resize((256, 256), Image.Resampling.BILINEAR)
    image = image.crop((16, 16, 240, 240))
    if jpeg:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG")
        image = Image.open(buffer)
    return np.asarray(image, dtype=np.float32)[:, :, ::-1] - BGR_MEAN


def test_open_nsfw_agrees_on_equal_pixels(open_nsfw: Scorer, untouched: Score) -> None:
    """The uint8 RGB input is the float path: at most 1e-4 apart on any pixels."""
    brought = [bring(photograph(name), open_nsfw.manifest.input.geometry) for name in PICTURES]
    pixels = np.concatenate([np.stack(brought), NOISE[:2]])

    theirs = untouched(pixels[..., ::-1].astype(np.float32) - BGR_MEAN)

    np.testing.assert_allclose(open_nsfw.score(pixels).scores, theirs, rtol=0, atol=1e-4)


def differences(pictures: list[Pixels], scorer: Scorer, original: Score) -> NDArray[np.float32]:
    """How far the scores of whole pictures are from those under the reference preprocessing."""
    ours = [bring(picture, scorer.manifest.input.geometry) for picture in pictures]
    theirs = [reference_input(picture, jpeg=True) for picture in pictures]
    scores = [
        (scorer.score(mine[None]).scores, original(reference[None]))
        for mine, reference in zip(ours, theirs, strict=True)
    ]
    return np.array([np.abs(mine - reference).max() for mine, reference in scores])


def test_open_nsfw_agrees_on_photographs(open_nsfw: Scorer, untouched: Score) -> None:
    pictures = [photograph(name) for name in PICTURES]

    assert np.median(differences(pictures, open_nsfw, untouched)) <= 0.01


@pytest.mark.real
def test_open_nsfw_agrees_on_real_pictures(open_nsfw: Scorer, untouched: Score) -> None:
    paths = sorted((SHARED / "data" / "pictures").rglob("*.jpg"))[::8]
    if not paths:
        pytest.skip("the shared data folder with its pictures is not here")
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]

    assert np.median(differences(pictures, open_nsfw, untouched)) <= 0.01


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chelsea", CATS),
        ("coffee", {"espresso", "cup", "coffee mug"}),
        ("rocket", {"missile", "projectile", "space shuttle"}),
        ("camera", {"tripod"}),
    ],
)
def test_efficientnet_names_what_is_in_a_picture(
    efficientnet: Scorer, name: str, expected: set[str]
) -> None:
    """The names stand in the right order, and the network sees colours the right way round."""
    manifest = efficientnet.manifest
    pixels = bring(photograph(name), manifest.input.geometry)

    (scores,) = efficientnet.score(pixels[None]).scores

    assert manifest.labels[int(scores.argmax())] in expected


@pytest.mark.parametrize(("name", "by_torch"), BY_TORCH, ids=[name for name, _ in BY_TORCH])
def test_efficientnet_says_what_torch_says(
    efficientnet: Scorer, name: str, by_torch: dict[str, float]
) -> None:
    """tests/reference compares all logits; this holds where there is no torch."""
    corner = photograph(name)[:224, 100:324]

    (scores,) = efficientnet.score(corner[None]).scores

    columns = [efficientnet.manifest.labels.index(label) for label in by_torch]
    np.testing.assert_allclose(scores[columns], list(by_torch.values()), rtol=0, atol=2e-4)


def test_cats_score_high_on_a_cat_alone(efficientnet: Scorer) -> None:
    manifest = efficientnet.manifest
    cats = [manifest.labels.index(name) for name in CATS]
    pixels = [bring(photograph(name), manifest.input.geometry) for name in PICTURES]

    scores = efficientnet.score(np.stack(pixels)).scores[:, cats].sum(axis=1)

    is_cat = np.array(PICTURES) == "chelsea"
    assert scores[is_cat] > 0.8
    assert scores[~is_cat].max() < 0.1


@pytest.mark.parametrize("name", ["open_nsfw", "efficientnet"])
def test_features_are_pooled_from_the_map(name: str, request: pytest.FixtureRequest) -> None:
    scorer: Scorer = request.getfixturevalue(name)

    maps = scorer.feature_maps(NOISE[:2])

    assert maps.shape[2:] == (7, 7)
    features = scorer.score(NOISE[:2]).features
    np.testing.assert_allclose(maps.mean(axis=(2, 3)), features, rtol=0, atol=1e-4)


@settings(max_examples=5, deadline=None)
@given(order=st.lists(st.integers(0, 7), min_size=1, max_size=5))
def test_a_score_does_not_depend_on_its_batch(
    open_nsfw: Scorer, efficientnet: Scorer, order: list[int]
) -> None:
    for scorer in (open_nsfw, efficientnet):
        together = scorer.score(NOISE[order]).scores
        alone = np.concatenate([scorer.score(NOISE[[i]]).scores for i in order])
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
