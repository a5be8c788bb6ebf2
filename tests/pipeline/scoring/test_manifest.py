"""Manifests: a model file is what its manifest says, or nothing runs."""

import hashlib
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import ModelError
from pipeline.records import Exclusivity, Fit, Geometry
from pipeline.scoring.contract import Channels, InputType, Layout, ScoresAre
from pipeline.scoring.manifest import read_manifest
from tests.models import colour_model, write_colour_model


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest without a fault, with its model beside it."""
    return write_colour_model(tmp_path)


def change(manifest: Path, old: str, new: str) -> None:
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new), encoding="utf-8")


def replace_network(manifest: Path, network: onnx.ModelProto) -> None:
    """Put another network beside a manifest, and its sha256 into it."""
    contents = network.SerializeToString()
    (manifest.parent / "colour.onnx").write_bytes(contents)
    text = manifest.read_text(encoding="utf-8")
    sha256 = hashlib.sha256(contents).hexdigest()
    text = re.sub(r'sha256 = "\w+"', f'sha256 = "{sha256}"', text)
    manifest.write_text(text, encoding="utf-8")


def fault_of(manifest: Path) -> str:
    with pytest.raises(ModelError) as raised:
        read_manifest(manifest)
    assert str(manifest.parent) in str(raised.value), "the message must name the file"
    return str(raised.value)


def test_a_manifest_is_read_as_it_is_written(manifest: Path) -> None:
    model = read_manifest(manifest)

    assert (model.model_id, model.version, model.licence) == ("colour", "1", "Apache-2.0")
    assert model.onnx == manifest.parent / "colour.onnx"
    assert model.sha256 == hashlib.sha256(model.onnx.read_bytes()).hexdigest()
    assert (model.labels, model.exclusivity) == (("other", "magenta"), Exclusivity.SOFTMAX)
    assert model.categories == ("magenta",)
    assert (model.input.name, model.input.dtype) == ("pixels", InputType.UINT8)
    assert (model.input.layout, model.input.channels) == (Layout.NHWC, Channels.RGB)
    assert model.input.geometry == Geometry(96, 96, 96, Fit.STRETCH)
    assert model.outputs.scores_are is ScoresAre.PROBABILITIES
    assert model.outputs.named == {
        "scores": "scores",
        "features": "features",
        "feature_map": "feature_map",
        "logits": "logits",
    }


def test_all_outputs_but_the_scores_and_categories_may_be_left_out(manifest: Path) -> None:
    left_out = 'features = "features"\nfeature_map = "feature_map"\nlogits = "logits"\n'
    change(manifest, left_out, "")
    change(manifest, 'categories = ["magenta"]\n', "")

    model = read_manifest(manifest)

    assert model.outputs.named == {"scores": "scores"}
    assert model.categories == ()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param("licence", "license", "license: is no key", id="unknown-key"),
        pytest.param("licence", "license", "licence: Field required", id="missing-key"),
        pytest.param('dtype = "uint8"', 'dtype = "int8"', "input.dtype: ", id="unknown-type"),
        pytest.param('layout = "nhwc"', 'axes = "nhwc"', "input.axes: is no key", id="nested-key"),
        pytest.param("resize_px = 96", "r = 96", "input.geometry.r: is no key", id="deep-key"),
        pytest.param("resize_px = 96", "resize_px = 95", "resize_px must be", id="small-resize"),
        pytest.param("mean = [0.0, 0.0, 0.0]", "mean = [0.0]", "input.mean.1: ", id="short-mean"),
        pytest.param("mean = [0.0,", "mean = [9.0,", "bytes as they are", id="uint8-with-mean"),
        pytest.param("scale = [1.0,", "scale = [2.0,", "bytes as they are", id="uint8-with-scale"),
        pytest.param("scale = [1.0,", "scale = [0.0,", "must not be 0", id="scale-of-zero"),
        pytest.param('sha256 = "', 'sha256 = "A', "sha256: ", id="sha256-of-wrong-form"),
        pytest.param('id = "colour"', 'id = ""', "id: ", id="empty-id"),
        pytest.param('labels = ["other", "magenta"]', "", "exactly one of labels", id="no-labels"),
        pytest.param(
            "labels =",
            'labels_file = "l.txt"\nlabels =',
            "exactly one of labels",
            id="labels-twice",
        ),
        pytest.param('"other", "magenta"', '"same", "same"', "repeated: ['same']", id="one-twice"),
        pytest.param('"other", "magenta"', '"", "magenta"', "not empty", id="empty-label"),
        pytest.param('"other", "magenta"', '"one"', "labels: 1 of them", id="too-few-labels"),
        pytest.param('name = "pixels"', 'name = "x"', "input.name: ", id="no-such-input"),
        pytest.param('scores = "scores"', 'scores = "x"', "outputs.scores: ", id="no-such-scores"),
        pytest.param('"feature_map"', '"x"', "outputs.feature_map: ", id="no-such-map"),
        pytest.param('features = "features"', 'features = "feature_map"', "2 axes", id="not-flat"),
        pytest.param('dtype = "uint8"', 'dtype = "float32"', "takes UINT8", id="other-type"),
        pytest.param('layout = "nhwc"', 'layout = "nchw"', "takes the shape", id="other-layout"),
        pytest.param("width_px = 96", "width_px = 95", "takes the shape", id="other-size"),
        pytest.param('onnx = "colour.onnx"', 'onnx = "no.onnx"', "cannot be read", id="no-file"),
        pytest.param('onnx = "colour.onnx"', 'onnx = "../m.onnx"', "outside", id="onnx-escapes"),
        pytest.param('onnx = "colour.onnx"', 'onnx = "model.toml"', "no ONNX", id="not-onnx"),
        pytest.param("[input]", "[input", "is no TOML", id="not-toml"),
    ],
)
def test_a_fault_is_named(manifest: Path, old: str, new: str, fault: str) -> None:
    change(manifest, old, new)

    assert fault in fault_of(manifest)


def test_all_faults_of_form_are_told_at_once(manifest: Path) -> None:
    change(manifest, "licence", "license")
    change(manifest, '"nhwc"', '"nwhc"')
    change(manifest, 'scores = "scores"\n', "")

    message = fault_of(manifest)

    for key in ("license", "licence", "input.layout", "outputs.scores"):
        assert key in message


def test_all_disagreements_with_the_network_are_told_at_once(manifest: Path) -> None:
    change(manifest, '"pixels"', '"frames"')
    change(manifest, '"features"', '"embedding"')
    change(manifest, '"other", "magenta"', '"a", "b", "c"')

    message = fault_of(manifest)

    for key in ("input.name", "outputs.features", "labels: 3"):
        assert key in message
    for role in ("scores", "logits"):
        assert f"do not fit {role} of" in message


def test_a_model_file_that_was_changed_is_refused(manifest: Path) -> None:
    network = colour_model()
    network.doc_string = "another"
    (manifest.parent / "colour.onnx").write_bytes(network.SerializeToString())

    assert "sha256: colour.onnx has" in fault_of(manifest)


@pytest.mark.parametrize("contents", [b"", b"<html>not found</html>", bytes(100)])
def test_a_file_that_is_no_network_is_refused(manifest: Path, contents: bytes) -> None:
    (manifest.parent / "colour.onnx").write_bytes(contents)

    fault_of(manifest)


def test_a_manifest_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in fault_of(tmp_path / "model.toml")


def test_a_manifest_that_is_not_utf8_is_refused(manifest: Path) -> None:
    manifest.write_bytes(b'id = "\xff"')

    assert "is no TOML" in fault_of(manifest)


def test_a_network_must_take_any_number_of_frames(manifest: Path) -> None:
    network = colour_model()
    network.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    replace_network(manifest, network)

    assert "takes just 1 frames at once" in fault_of(manifest)


def test_a_network_must_have_one_input(manifest: Path) -> None:
    network = colour_model()
    network.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    replace_network(manifest, network)

    assert "more than one input" in fault_of(manifest)


def test_a_weight_among_the_inputs_need_not_be_fed(manifest: Path) -> None:
    """Files of before 2019 list their weights among the inputs."""
    network = colour_model()
    network.graph.input.append(helper.make_tensor_value_info("gain", TensorProto.FLOAT, [1, 2]))
    replace_network(manifest, network)

    assert read_manifest(manifest).model_id == "colour"


def test_what_the_network_leaves_open_agrees(manifest: Path) -> None:
    network = colour_model()
    network.graph.output[0].type.tensor_type.ClearField("shape")
    network.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "H"
    replace_network(manifest, network)

    assert read_manifest(manifest).model_id == "colour"


def test_labels_may_be_in_a_file(manifest: Path) -> None:
    change(manifest, 'labels = ["other", "magenta"]', 'labels_file = "labels.txt"')
    (manifest.parent / "labels.txt").write_text("other\nmagenta\n", encoding="utf-8")

    assert read_manifest(manifest).labels == ("other", "magenta")


@pytest.mark.parametrize("name", ["../labels.txt", "/etc/hostname", "link.txt"])
def test_labels_are_not_read_from_outside_the_folder(manifest: Path, name: str) -> None:
    folder = manifest.parent / "model"
    folder.mkdir()
    for file in ("model.toml", "colour.onnx"):
        (manifest.parent / file).rename(folder / file)
    (manifest.parent / "labels.txt").write_text("other\nmagenta\n", encoding="utf-8")
    (folder / "link.txt").symlink_to("../labels.txt")
    moved = folder / "model.toml"
    change(moved, 'labels = ["other", "magenta"]', f'labels_file = "{name}"')

    assert "outside the manifest's folder" in fault_of(moved)


@pytest.mark.parametrize(
    ("contents", "fault"),
    [(None, "cannot be read"), (b"\xff\n", "is not UTF-8"), (b"", "labels must be some")],
)
def test_a_labels_file_can_be_wrong(manifest: Path, contents: bytes | None, fault: str) -> None:
    change(manifest, 'labels = ["other", "magenta"]', 'labels_file = "labels.txt"')
    if contents is not None:
        (manifest.parent / "labels.txt").write_bytes(contents)

    assert fault in fault_of(manifest)


def with_weights_at(location: str) -> onnx.ModelProto:
    """The colour model, one of its weights said to lie in another file."""
    network = colour_model()
    weight = next(tensor for tensor in network.graph.initializer if tensor.name == "gain")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    return network


@pytest.mark.parametrize("location", ["../gain.bin", "/etc/hostname", "a/../../gain.bin"])
def test_weights_outside_the_folder_are_refused(manifest: Path, location: str) -> None:
    replace_network(manifest, with_weights_at(location))

    assert "outside the manifest's folder" in fault_of(manifest)


def test_weights_outside_the_folder_are_found_in_nodes_too(manifest: Path) -> None:
    """A constant, and a constant inside a branch of an If, can point to a file as well."""
    value = numpy_helper.from_array(np.zeros(1, dtype=np.float32), "value")
    value.data_location = TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../value.bin")
    constant = helper.make_node("Constant", [], ["inner"], value=value)
    branch = helper.make_graph([constant], "branch", [], [])
    network = colour_model()
    network.graph.node.append(helper.make_node("If", ["one"], ["outer"], then_branch=branch))
    replace_network(manifest, network)

    assert "outside the manifest's folder" in fault_of(manifest)


def test_the_sha256_covers_weights_in_files_beside(manifest: Path) -> None:
    replace_network(manifest, with_weights_at("gain.bin"))
    weights = manifest.parent / "gain.bin"
    weights.write_bytes(np.array([0, 45], dtype="<f4").tobytes())
    network = (manifest.parent / "colour.onnx").read_bytes()
    of_network = hashlib.sha256(network).hexdigest()
    of_both = hashlib.sha256(network + weights.read_bytes()).hexdigest()

    assert of_both in fault_of(manifest)
    change(manifest, of_network, of_both)
    assert read_manifest(manifest).sha256 == of_both
    weights.write_bytes(bytes(8))
    fault_of(manifest)


def test_weights_in_a_file_that_is_missing_are_told(manifest: Path) -> None:
    replace_network(manifest, with_weights_at("gain.bin"))

    assert "gain.bin: cannot be read" in fault_of(manifest)
