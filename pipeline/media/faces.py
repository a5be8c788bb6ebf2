"""Faces in a picture: where they are, and numbers by which one person's are alike.

Off unless somebody asks for it: what is made here is biometric data, which the law of many places
allows only with the consent of the people shown. Nothing of it is written to a disk.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.errors import ModelError
from pipeline.media.answers import thumbnail_size
from pipeline.records import Frame

MIN_CONFIDENCE = 0.8  # of the detector: below it, patterns and pets are among the faces
MAX_OVERLAP = 0.3  # two boxes that share more of their union are one face
MAX_FACES = 200  # in one picture
MARGIN = 0.25  # of a face's size, around it on its picture
JPEG_PX, JPEG_QUALITY = 160, 85
DLIB_PACKAGE = "face_recognition_models"
# Of face-recognition-models 0.3.0.
DLIB_LANDMARKS = "models/shape_predictor_5_face_landmarks.dat"
DLIB_LANDMARKS_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
DLIB_NETWORK = "models/dlib_face_recognition_resnet_model_v1.dat"
DLIB_NETWORK_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in a picture, in pixels of that picture.

    Attributes:
        row: shape (15,), float32, as OpenCV's detector gives it: left, top, width, height, then
            x and y of the eyes, the nose and the corners of the mouth, then the confidence.
    """

    row: NDArray[np.float32]

    def __post_init__(self) -> None:
        require_array("row", self.row, np.float32, (15,))
        seal(self)

    @property
    def box_px(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        left, top, width, height = self.row[:4].tolist()
        return left, top, left + width, top + height

    @property
    def confidence(self) -> float:
        """How sure the detector is, 0 to 1."""
        return float(self.row[14])


class FaceEmbedder(Protocol):
    """Makes numbers of faces: those of one person are alike."""

    def embed(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        """Return the embedding of a face in a picture, (H, W, 3) uint8 RGB: (D,), length 1."""


class FaceFinder:
    """OpenCV's YuNet; not to be shared by threads."""

    def __init__(self, onnx: Path, sha256: str) -> None:
        """Load the detector.

        Raises:
            ModelError: if the file is not there, is another one, or is none that OpenCV reads.
        """
        require_file(onnx, sha256)
        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(onnx), "", (320, 320), MIN_CONFIDENCE, MAX_OVERLAP, MAX_FACES
            )
        except cv2.error as error:
            raise ModelError(f"{onnx}: OpenCV cannot read it: {error.err}") from error

    def find(self, pixels: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces in a picture, (H, W, 3) uint8 RGB, the surest first."""
        height_px, width_px = pixels.shape[:2]
        self._detector.setInputSize((width_px, height_px))
        _, rows = self._detector.detect(np.ascontiguousarray(pixels[..., ::-1]))
        found = [Face(np.asarray(row, dtype=np.float32)) for row in ([] if rows is None else rows)]
        good = [face for face in found if np.isfinite(face.row).all() and min(face.row[2:4]) >= 1]
        return tuple(sorted(good, key=lambda face: -face.confidence))


class SFaceEmbedder:
    """OpenCV's SFace, of a file that the user has; not to be shared by threads."""

    def __init__(self, onnx: Path, sha256: str) -> None:
        """Load the model.

        Raises:
            ModelError: as FaceFinder's.
        """
        require_file(onnx, sha256)
        try:
            self._recognizer = cv2.FaceRecognizerSF.create(str(onnx), "")
        except cv2.error as error:
            raise ModelError(f"{onnx}: OpenCV cannot read it: {error.err}") from error

    def embed(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        """Return the embedding of a face: shape (128,), length 1."""
        picture = np.ascontiguousarray(pixels[..., ::-1])
        aligned = self._recognizer.alignCrop(picture, face.row[None])
        return _to_unit(np.asarray(self._recognizer.feature(aligned)))


class DlibEmbedder:
    """dlib's network, of the extra `[faces]`; not to be shared by threads."""

    def __init__(self) -> None:
        """Load the models of the package `face-recognition-models`, which is not imported.

        Raises:
            ModelError: if dlib or the package is not installed, or holds other files.
        """
        try:
            import dlib  # noqa: PLC0415 - of an extra, which most do without
        except ImportError as error:
            raise ModelError("dlib is not here; pip install 'heatreel[faces]'") from error
        spec = importlib.util.find_spec(DLIB_PACKAGE)
        folders = spec.submodule_search_locations if spec else None
        if not folders:
            raise ModelError(f"{DLIB_PACKAGE} is not here; pip install 'heatreel[faces]'")
        landmarks, network = Path(folders[0]) / DLIB_LANDMARKS, Path(folders[0]) / DLIB_NETWORK
        require_file(landmarks, DLIB_LANDMARKS_SHA256)
        require_file(network, DLIB_NETWORK_SHA256)
        self._dlib: Any = dlib
        self._landmarks: Any = dlib.shape_predictor(str(landmarks))
        self._network: Any = dlib.face_recognition_model_v1(str(network))

    def embed(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        """Return the embedding of a face: shape (128,), length 1."""
        box = self._dlib.rectangle(*(round(side) for side in face.box_px))
        picture = np.ascontiguousarray(pixels)
        marks = self._landmarks(picture, box)
        return _to_unit(np.array(self._network.compute_face_descriptor(picture, marks)))


def restore_shape(frame: Frame) -> NDArray[np.uint8]:
    """Return the whole picture of a stretched frame in its own shape, (H, W, 3) uint8 RGB.

    The frame's geometry must have stretched it; its thumbnail knows the shape.
    """
    width, height = thumbnail_size(frame.thumbnail)
    scale = max(frame.pixels.shape[:2]) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def cut_face(pixels: NDArray[np.uint8], face: Face) -> bytes:
    """Return the picture of a face with a margin, as a JPEG file in memory."""
    left, top, right, bottom = face.box_px
    margin = MARGIN * max(right - left, bottom - top)
    rows = slice(max(0, round(top - margin)), max(1, round(bottom + margin)))
    columns = slice(max(0, round(left - margin)), max(1, round(right + margin)))
    part = pixels[rows, columns]
    scale = min(1.0, JPEG_PX / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), quality)
    return jpeg.tobytes()


def require_file(path: Path, sha256: str) -> None:
    """Raise ModelError unless the file is there and its bytes have this hash."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if found != sha256:
        raise ModelError(f"{path}: has sha256 {found}, not {sha256}")


def _to_unit(embedding: NDArray[Any]) -> NDArray[np.float32]:
    flat = embedding.astype(np.float64).ravel()
    length = float(np.linalg.norm(flat))
    if not (np.isfinite(length) and length > 0):
        raise ModelError("the face model gave an embedding that is no finite number, or 0")
    return np.asarray(flat / length, dtype=np.float32)
