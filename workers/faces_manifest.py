"""Which models find faces and tell people apart: a TOML file of the user's.

::

    [detector]                # OpenCV's YuNet
    onnx = "face_detection_yunet_2026may.onnx"
    sha256 = "ebafce4e..."

    [embedder]
    kind = "dlib"             # of the extra [faces]; or "sface", with onnx and sha256
"""

import hashlib
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import ModelError
from pipeline.faces import FaceModels
from pipeline.media.faces import (
    DLIB_NETWORK_SHA256,
    DlibEmbedder,
    FaceEmbedder,
    FaceFinder,
    SFaceEmbedder,
)

MAX_BYTES = 16_384
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class EmbedderKind(StrEnum):
    """The networks that tell people apart."""

    SFACE = "sface"
    DLIB = "dlib"


# Stricter than their makers' own lines between one person and two (SFace: a cosine distance of
# 0.637; dlib: a Euclidean one of 0.6, which is about 0.085): a group is asked about as one.
CUTS = {EmbedderKind.SFACE: 0.5, EmbedderKind.DLIB: 0.05}


class DetectorTable(BaseModel):
    """The detector."""

    model_config = ConfigDict(extra="forbid")

    onnx: str
    sha256: Sha256


class EmbedderTable(BaseModel):
    """The network that tells people apart."""

    model_config = ConfigDict(extra="forbid")

    kind: EmbedderKind
    onnx: str | None = None
    sha256: Sha256 | None = None
    cut: Annotated[float, Field(gt=0, le=2)] | None = None

    @model_validator(mode="after")
    def _has_its_file(self) -> "EmbedderTable":
        if (self.kind is EmbedderKind.SFACE) != (self.onnx is not None and self.sha256 is not None):
            raise ValueError("onnx and sha256 are given with sface, and with nothing else")
        return self


class FacesFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    detector: DetectorTable
    embedder: EmbedderTable


def open_face_models(path: Path) -> FaceModels:
    """Read the file and load its models; nothing is downloaded.

    Raises:
        ModelError: if the file is wrong, or a model is not there, or is another one.
    """
    wanted = _read(path)
    finder = FaceFinder(path.parent / wanted.detector.onnx, wanted.detector.sha256)
    embedder, sha256 = _open_embedder(path.parent, wanted.embedder)
    cut = wanted.embedder.cut or CUTS[wanted.embedder.kind]
    both = hashlib.sha256(f"{wanted.detector.sha256} {sha256}".encode()).hexdigest()
    return FaceModels(finder, embedder, cut, both)


def _open_embedder(folder: Path, wanted: EmbedderTable) -> tuple[FaceEmbedder, str]:
    if wanted.onnx is None or wanted.sha256 is None:
        return DlibEmbedder(), DLIB_NETWORK_SHA256
    return SFaceEmbedder(folder / wanted.onnx, wanted.sha256), wanted.sha256


def _read(path: Path) -> FacesFile:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ModelError(f"{path}: larger than {MAX_BYTES:,} bytes")
        return FacesFile.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = [
            f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        raise ModelError("\n".join(faults)) from error
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error
