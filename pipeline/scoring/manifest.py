"""Manifests: the TOML file beside an ONNX file that says what the model takes and gives.

::

    id = "my-model"
    version = "3"
    sha256 = "<of the ONNX file; of it and its weight files after it, if it has such>"
    licence = "Apache-2.0"
    onnx = "model.onnx"
    labels = ["fine", "violent"]      # or labels_file = "labels.txt", one a line
    exclusivity = "softmax"           # or "sigmoid", where several labels can be true at once
    categories = ["violence"]         # what it usually serves; may be left out

    [input]
    name = "pixels"
    dtype = "float32"                 # or "uint8"
    layout = "nchw"                   # or "nhwc"
    channels = "rgb"                  # or "bgr"
    mean = [123.675, 116.28, 103.53]  # levels of 255: x becomes (x - mean) / scale
    scale = [58.395, 57.12, 57.375]
    geometry = { width_px = 224, height_px = 224, resize_px = 256, fit = "crop" }

    [outputs]
    scores = "scores"
    scores_are = "probabilities"      # or "logits"
    features = "features"             # may be left out
    feature_map = "feature_map"       # may be left out
    logits = "logits"                 # may be left out, and is not needed where the scores are some
"""

import hashlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import ModelError
from pipeline.records import Exclusivity
from pipeline.scoring.contract import Manifest, ModelInput, ModelOutputNames
from pipeline.scoring.network import find_disagreements, read_network


class ManifestFile(BaseModel):
    """The keys of a manifest file, as they stand in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    licence: str = Field(min_length=1)
    onnx: str
    labels: tuple[str, ...] | None = None
    labels_file: str | None = None
    exclusivity: Exclusivity
    categories: tuple[str, ...] = ()
    input: ModelInput
    outputs: ModelOutputNames

    @model_validator(mode="after")
    def _has_labels_once(self) -> Self:
        if (self.labels is None) == (self.labels_file is None):
            raise ValueError("exactly one of labels and labels_file must be given")
        return self


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, and make sure that the model beside it is the one that it describes.

    Raises:
        ModelError: if the manifest is wrong, a file is missing, or manifest and model disagree;
            the message names the file and every fault.
    """
    written = _read_keys(path)
    onnx_path = _beside(path, written.onnx)
    network = read_network(onnx_path)
    weight_files = (_beside(path, name) for name in network.weight_files)
    sha256 = _hash_files(onnx_path, *weight_files)
    manifest = _build_manifest(path, written, onnx_path)
    faults = find_disagreements(manifest, network)
    if sha256 != manifest.sha256:
        faults.append(f"sha256: {written.onnx} has {sha256}, not {manifest.sha256}")
    if faults:
        raise _model_error(path, faults)
    return manifest


def _read_keys(path: Path) -> ManifestFile:
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8"))
        return ManifestFile.model_validate(keys)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise _model_error(path, map(_fault_line, error.errors())) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: is no TOML: {error}") from error


def _fault_line(fault: object) -> str:
    match fault:
        case {"loc": (), "msg": str(message)}:
            return message
        case {"loc": tuple(keys), "type": "extra_forbidden" | "unexpected_keyword_argument"}:
            return f"{'.'.join(map(str, keys))}: is no key of a manifest"
        case {"loc": tuple(keys), "msg": str(message)}:
            return f"{'.'.join(map(str, keys))}: {message}"
    raise TypeError(f"not a fault of pydantic: {fault}")


def _beside(path: Path, name: str) -> Path:
    """Return the file of this name in the manifest's folder, which it must not lead out of."""
    folder = path.parent.resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise ModelError(f"{path}: {name!r} lies outside the manifest's folder")
    return file


def _build_manifest(path: Path, written: ManifestFile, onnx_path: Path) -> Manifest:
    labels = written.labels
    if written.labels_file is not None:
        labels = _read_labels(_beside(path, written.labels_file))
    try:
        return Manifest(
            model_id=written.id,
            version=written.version,
            sha256=written.sha256,
            licence=written.licence,
            onnx=onnx_path,
            input=written.input,
            outputs=written.outputs,
            labels=labels or (),
            exclusivity=written.exclusivity,
            categories=written.categories,
        )
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8: {error}") from error


def _hash_files(*paths: Path) -> str:
    """Return the SHA-256 of these files' bytes, one after another."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _model_error(path: Path, faults: Iterable[str]) -> ModelError:
    return ModelError("\n  ".join([f"{path}: is wrong:", *faults]))
