"""Faces of real pictures and of films that are made of them, found by the real detector."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import ModelError
from pipeline.faces import FaceModels, see_faces_of_still, see_faces_of_video
from pipeline.gathering import Seen, to_pictures
from pipeline.learning.facts import Facts
from pipeline.learning.groups import group_pictures
from pipeline.media.encode import Encoding, write_video
from pipeline.media.faces import Face, FaceFinder, SFaceEmbedder
from pipeline.media.here import DecoderHere
from pipeline.policies.read import find_policy
from workers.faces_manifest import open_face_models

ONNX = Path(__file__).parents[3] / "shared/data/models/face_detection_yunet_2026may.onnx"
SHA256 = "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0"
POLICY = find_policy("default")
KEY = "sha256:" + "0" * 64
RATE_HZ = 10

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ONNX.is_file(), reason=f"{ONNX} is absent"),
    # OpenCV 5 says so of any network; it then runs on the CPU, which is what is wanted.
    pytest.mark.filterwarnings("ignore:.*setPreferableTarget.*"),
]


class GridEmbedder:
    """A small embedder, the levels of a face on a grid: it tells pictures apart, not people."""

    def embed(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        left, top, right, bottom = (max(0, round(side)) for side in face.box_px)
        part = Image.fromarray(pixels[top:bottom, left:right]).convert("L").resize((8, 8))
        levels = np.asarray(part, dtype=np.float32).ravel()
        levels -= levels.mean()
        return np.asarray(levels / np.linalg.norm(levels), dtype=np.float32)


@pytest.fixture(scope="module")
def models() -> FaceModels:
    return FaceModels(FaceFinder(ONNX, SHA256), GridEmbedder(), 0.3, "0" * 64)


def astronaut() -> NDArray[np.uint8]:
    return np.asarray(skimage.data.astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]


def film(path: Path, seconds: int) -> Path:
    """Write a film of the astronaut who moves right, and is away in the second half."""

    def frames() -> Iterator[NDArray[np.uint8]]:
        noise = np.random.default_rng(0).integers(60, 200, (360, 900, 1), np.uint8)
        for i in range(seconds * RATE_HZ):
            frame = np.repeat(noise, 3, axis=2)
            if i < seconds * RATE_HZ / 2:
                frame[30:330, 8 * i : 8 * i + 300] = astronaut()[:300, 60:360]
            yield frame

    write_video(path, frames(), Encoding(rate_hz=RATE_HZ, keyframe_interval=RATE_HZ))
    return path


def faces_of(path: Path, models: FaceModels) -> list[Seen]:
    return list(
        see_faces_of_video(
            path, submission_id=KEY, policy=POLICY, models=models, decoder=DecoderHere()
        )
    )


def test_a_face_is_found_where_it_is(tmp_path: Path, models: FaceModels) -> None:
    Image.fromarray(astronaut()).save(tmp_path / "a.png")

    (face,) = see_faces_of_still(
        tmp_path / "a.png", submission_id=KEY, policy=POLICY, models=models, decoder=DecoderHere()
    )

    x, y = map(int, face.key.removeprefix(f"{KEY}#").split(","))
    assert (x, y) == pytest.approx((43, 23), abs=2)  # her face, in percent of the picture
    assert face.thumbnail[:2] == b"\xff\xd8"


def test_a_picture_of_another_shape_is_not_stretched(tmp_path: Path, models: FaceModels) -> None:
    wide = np.full((512, 1_536, 3), 128, dtype=np.uint8)
    wide[:, 512:1_024] = astronaut()
    Image.fromarray(wide).save(tmp_path / "a.png")

    (face,) = models.finder.find(wide)
    (seen,) = see_faces_of_still(
        tmp_path / "a.png", submission_id=KEY, policy=POLICY, models=models, decoder=DecoderHere()
    )

    x, y = map(int, seen.key.removeprefix(f"{KEY}#").split(","))
    left, top, right, bottom = face.box_px
    assert (x, y) == pytest.approx(
        (100 * (left + right) / 2 / 1_536, 100 * (top + bottom) / 2 / 512), abs=2
    )


def test_without_faces_there_is_nothing(tmp_path: Path, models: FaceModels) -> None:
    bricks = np.asarray(skimage.data.brick())  # type: ignore[no-untyped-call]
    Image.fromarray(bricks).convert("RGB").save(tmp_path / "a.png")

    seen = see_faces_of_still(
        tmp_path / "a.png", submission_id=KEY, policy=POLICY, models=models, decoder=DecoderHere()
    )

    assert seen == []
    assert group_pictures(to_pictures(seen), Facts(), cut=0.1).groups == ()


def test_one_face_that_moves_through_a_film_is_one(tmp_path: Path, models: FaceModels) -> None:
    (face,) = faces_of(film(tmp_path / "film.mp4", 10), models)

    assert face.timestamp_ms is not None
    assert face.timestamp_ms < 5_000


def test_it_is_sought_in_all_sampled_frames(tmp_path: Path, models: FaceModels) -> None:
    closely = replace(POLICY, max_gap_ms=200)
    path = film(tmp_path / "film.mp4", 6)
    sought: list[int] = []

    class Counting(GridEmbedder):
        def embed(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
            sought.append(1)
            return super().embed(pixels, face)

    counted = replace(models, embedder=Counting())
    list(
        see_faces_of_video(
            path, submission_id=KEY, policy=closely, models=counted, decoder=DecoderHere()
        )
    )

    assert len(sought) >= 12  # she is there for 3 s


def test_faces_are_grouped_as_pictures_are(tmp_path: Path, models: FaceModels) -> None:
    Image.fromarray(astronaut()).save(tmp_path / "a.png")
    bright = np.clip(astronaut().astype(np.int16) + 20, 0, 255).astype(np.uint8)
    Image.fromarray(bright).save(tmp_path / "b.png")
    keys = [KEY, KEY.replace("0", "1")]
    seen = [
        face
        for name, key in zip("ab", keys, strict=True)
        for face in see_faces_of_still(
            tmp_path / f"{name}.png",
            submission_id=key,
            policy=POLICY,
            models=models,
            decoder=DecoderHere(),
        )
    ]

    (group,) = group_pictures(to_pictures(seen), Facts(), cut=models.cut).groups

    assert len(group.rows) == 2


def manifest(folder: Path, embedder: str, sha256: str = SHA256) -> Path:
    path = folder / "faces.toml"
    path.write_text(f'[detector]\nonnx = "{ONNX}"\nsha256 = "{sha256}"\n{embedder}')
    return path


@pytest.mark.parametrize(
    ("embedder", "sha256", "says"),
    [
        pytest.param('[embedder]\nkind = "dlib"\n', "1" * 64, "has sha256", id="another-detector"),
        pytest.param('[embedder]\nkind = "magic"\n', SHA256, "kind", id="an-unknown-kind"),
        pytest.param('[embedder]\nkind = "sface"\n', SHA256, "onnx and sha256", id="no-file"),
        pytest.param("", SHA256, "embedder", id="no-embedder"),
        pytest.param("[embedder", SHA256, "faces.toml", id="no-toml"),
        pytest.param(
            f'[embedder]\nkind = "sface"\nonnx = "gone.onnx"\nsha256 = "{SHA256}"\n',
            SHA256,
            "gone.onnx: cannot be read",
            id="a-missing-file",
        ),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, embedder: str, sha256: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        open_face_models(manifest(tmp_path, embedder, sha256))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    with pytest.raises(ModelError, match="OpenCV cannot read it"):
        FaceFinder(path, empty)
    with pytest.raises(ModelError, match="OpenCV cannot read it"):
        SFaceEmbedder(path, empty)
