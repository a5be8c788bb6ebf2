"""What an ONNX file says of itself, read without running it or touching any other file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto

from pipeline.errors import ModelError
from pipeline.scoring.contract import InputType, Layout, Manifest, ModelInput

CHANNELS = 3
ELEMENT_TYPES = {InputType.UINT8: TensorProto.UINT8, InputType.FLOAT32: TensorProto.FLOAT}
OUTPUT_RANKS = {"scores": 2, "features": 2, "feature_map": 4, "logits": 2}
PER_LABEL = ("scores", "logits")  # outputs with a column a label

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a network.

    Attributes:
        element_type: ONNX's number for it, a TensorProto.DataType.
        shape: None as a length where it is open, None as a whole where the file says nothing.
    """

    element_type: int
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Network:
    """The outside of a network: its ports by name, and the files that its weights lie in.

    Attributes:
        inputs: those that must be fed.
        outputs: all that can be fetched.
        weight_files: locations of external weights as the file gives them, sorted; they are
            relative to its folder and not to be trusted.
    """

    inputs: dict[str, Port]
    outputs: dict[str, Port]
    weight_files: tuple[str, ...]


def read_network(path: Path) -> Network:
    """Read the outside of the network in an ONNX file.

    Raises:
        ModelError: if the file cannot be read or is no ONNX file.
    """
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except DecodeError as error:
        raise ModelError(f"{path}: is no ONNX file, or part of it is missing") from error
    # Older files list their weights among the inputs; what has a value need not be fed.
    given = {tensor.name for tensor in graph.initializer}
    return Network(
        inputs={value.name: _port(value) for value in graph.input if value.name not in given},
        outputs={value.name: _port(value) for value in graph.output},
        weight_files=tuple(sorted(set(_weight_files(graph)))),
    )


def find_disagreements(manifest: Manifest, network: Network) -> list[str]:
    """Return where a manifest and its network disagree, one line each, empty if nowhere.

    What the network leaves open (a length that it does not state) agrees with everything.
    """
    return [*_input_faults(manifest.input, network), *_output_faults(manifest, network)]


def _input_faults(wanted: ModelInput, network: Network) -> Iterator[str]:
    port = network.inputs.get(wanted.name)
    if port is None:
        yield f"input.name: the network has no input {wanted.name!r}, only {list(network.inputs)}"
        return
    if len(network.inputs) > 1:
        yield f"input.name: the network must be fed more than one input: {list(network.inputs)}"
    if port.element_type != ELEMENT_TYPES[wanted.dtype]:
        takes = TensorProto.DataType.Name(port.element_type)
        yield f"input.dtype: the network takes {takes}, not {wanted.dtype}"
    if port.shape and port.shape[0] is not None:
        yield f"input: the network takes just {port.shape[0]} frames at once; export it with any"
    size = (wanted.geometry.height_px, wanted.geometry.width_px)
    shape = (None, *size, CHANNELS) if wanted.layout is Layout.NHWC else (None, CHANNELS, *size)
    if not _agree(port.shape, shape):
        yield f"input: the network takes the shape {port.shape}, not {shape}"


def _output_faults(manifest: Manifest, network: Network) -> Iterator[str]:
    for role, name in manifest.outputs.named.items():
        port = network.outputs.get(name)
        if port is None:
            has = list(network.outputs)
            yield f"outputs.{role}: the network has no output {name!r}, only {has}"
        elif port.shape is not None and len(port.shape) != OUTPUT_RANKS[role]:
            yield f"outputs.{role}: must have {OUTPUT_RANKS[role]} axes, has {port.shape}"
        elif role in PER_LABEL and not _agree(port.shape, (None, len(manifest.labels))):
            yield f"labels: {len(manifest.labels)} of them do not fit {role} of {port.shape}"


def _agree(shape: Shape | None, wanted: Shape) -> bool:
    if shape is None:
        return True
    same_rank = len(shape) == len(wanted)
    return same_rank and all(
        None in pair or pair[0] == pair[1] for pair in zip(shape, wanted, strict=True)
    )


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return Port(tensor.elem_type, None)
    lengths = (dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return Port(tensor.elem_type, tuple(lengths))


def _weight_files(graph: onnx.GraphProto) -> Iterator[str]:
    for tensor in _tensors(graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            yield from (entry.value for entry in tensor.external_data if entry.key == "location")


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)
