"""Faces by dlib, of the extra [faces].

Run by ``make reference``: its models are 100 MB, which the project's own environment does without.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.media.faces import DlibEmbedder, FaceEmbedder, FaceFinder
from tests.pipeline.test_faces import ONNX, SHA256, astronaut, faces_of, film, manifest
from workers.faces_manifest import open_face_models

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not ONNX.is_file(), reason=f"{ONNX} is absent"),
    pytest.mark.filterwarnings("ignore:.*setPreferableTarget.*"),
]


def test_dlib_tells_a_face_from_its_like() -> None:
    embedder: FaceEmbedder = DlibEmbedder()
    finder = FaceFinder(ONNX, SHA256)

    def embed(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return embedder.embed(pixels, finder.find(pixels)[0])

    her = embed(astronaut())
    again = embed(np.ascontiguousarray(astronaut()[:, ::-1]))

    assert her @ again > 1 - 0.05
    assert np.linalg.norm(her) == pytest.approx(1, abs=1e-5)


def test_a_film_of_one_person_shows_one_face(tmp_path: Path) -> None:
    models = open_face_models(manifest(tmp_path, '[embedder]\nkind = "dlib"\n'))

    assert len(faces_of(film(tmp_path / "film.mp4", 6), models)) == 1
