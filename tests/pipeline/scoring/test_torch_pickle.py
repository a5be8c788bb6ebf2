"""The reader of legacy torch files: tensors come out, nothing in the file is run."""

import os
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import ModelError
from pipeline.scoring.torch_pickle import MAGIC_NUMBER, PROTOCOL_VERSION, read_tensors

PROTO, STOP = b"\x80\x02", b"."
EMPTY_DICT = b"ccollections\nOrderedDict\n)R"
NUMBERS = np.arange(12, dtype="<f4")


def pickled(value: object) -> bytes:
    """The opcodes that push a plain value: its pickle without the frame."""
    return pickle.dumps(value, protocol=2)[len(PROTO) : -len(STOP)]


def tensor(
    *,
    offset: int = 0,
    size: object = (3, 4),
    stride: object = (4, 1),
    length: int = 12,
    key: str = "7",
) -> bytes:
    """The opcodes by which torch writes a tensor."""
    storage = b"(" + pickled("storage") + b"ctorch\nFloatStorage\n"
    storage += pickled(key) + pickled("cpu") + pickled(length) + b"NtQ"
    place = pickled(offset) + pickled(size) + pickled(stride)
    arguments = b"(" + storage + place + b"\x89" + EMPTY_DICT + b"t"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def dictionary(**tensors: bytes) -> bytes:
    """The pickle of an ordered dictionary of tensors."""
    items = b"".join(pickled(name) + opcodes for name, opcodes in tensors.items())
    return PROTO + EMPTY_DICT + b"(" + items + b"u" + STOP


def torch_file(
    tensors: bytes, *, keys: object = ("7",), length: int = 12, numbers: bytes = NUMBERS.tobytes()
) -> list[bytes]:
    """The parts of a legacy torch file."""
    beginning: tuple[object, ...] = (MAGIC_NUMBER, PROTOCOL_VERSION, {})
    header = [pickle.dumps(value, protocol=2) for value in beginning]
    storages = struct.pack("<q", length) + numbers
    return [*header, tensors, pickle.dumps(keys, protocol=2), storages]


def write(path: Path, parts: list[bytes]) -> Path:
    file = path / "weights.pth"
    file.write_bytes(b"".join(parts))
    return file


WHOLE = torch_file(dictionary(w=tensor()))


@pytest.mark.parametrize(
    ("opcodes", "expected"),
    [
        pytest.param(tensor(), NUMBERS.reshape(3, 4), id="a-matrix"),
        pytest.param(tensor(offset=11, size=(1,), stride=(1,)), NUMBERS[11:], id="the-last-one"),
        pytest.param(tensor(size=(), stride=()), NUMBERS[0], id="a-scalar"),
        pytest.param(tensor(size=(0, 4)), np.empty((0, 4)), id="none"),
        pytest.param(tensor(size=(20, 0), stride=(1, 1)), np.empty((20, 0)), id="twenty-of-none"),
        pytest.param(tensor(size=(4, 3), stride=(1, 4)), NUMBERS.reshape(3, 4).T, id="transposed"),
    ],
)
def test_a_tensor_comes_out(tmp_path: Path, opcodes: bytes, expected: Any) -> None:
    tensors = read_tensors(write(tmp_path, torch_file(dictionary(w=opcodes))))

    assert list(tensors) == ["w"]
    np.testing.assert_array_equal(tensors["w"], expected)


@dataclass(frozen=True)
class Attack:
    """Pickles as a call to os.system that leaves a trace."""

    trace: Path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_of_the_file_can_run_a_command(tmp_path: Path, part: int, protocol: int) -> None:
    trace = tmp_path / "trace"
    parts = torch_file(dictionary(w=tensor()))
    parts[part] = pickle.dumps(Attack(trace), protocol=protocol)

    with pytest.raises(ModelError, match=r"weights\.pth: .*system is not admitted"):
        read_tensors(write(tmp_path, parts))
    assert not trace.exists()


@pytest.mark.parametrize(
    "opcodes",
    [
        pytest.param(b"cbuiltins\neval\n", id="eval"),
        pytest.param(b"cbuiltins\ngetattr\n", id="getattr"),
        pytest.param(b"ccollections\nnamedtuple\n", id="another-name-of-an-admitted-module"),
        pytest.param(b"ctorch\nload\n", id="another-name-of-torch"),
        pytest.param(b"ctorch._utils\n_rebuild_parameter\n", id="another-way-to-rebuild"),
        pytest.param(b"ccollections\nOrderedDict.fromkeys\n", id="a-dotted-name"),
        pytest.param(b"(iposix\nsystem\n", id="an-old-way-to-name"),
    ],
)
def test_no_other_name_is_admitted(tmp_path: Path, opcodes: bytes) -> None:
    with pytest.raises(ModelError, match="is not admitted"):
        read_tensors(write(tmp_path, torch_file(dictionary(w=opcodes))))


@pytest.mark.parametrize(
    "opcodes",
    [
        pytest.param(b"\x82\x01", id="an-extension"),
        pytest.param(b"(\x8c\x07storagetQ", id="half-a-storage"),
        pytest.param(pickled("text"), id="text-for-a-tensor"),
        pytest.param(b"ctorch\nFloatStorage\n", id="a-type-for-a-tensor"),
    ],
)
def test_what_is_no_tensor_is_refused(tmp_path: Path, opcodes: bytes) -> None:
    with pytest.raises(ModelError):
        read_tensors(write(tmp_path, torch_file(dictionary(w=opcodes))))


def test_five_bytes_cannot_ask_for_32_gigabytes(tmp_path: Path) -> None:
    """The unpickler would reserve a table up to the number of this memo."""
    opcodes = tensor() + b"r\xff\xff\xff\x7f"

    with pytest.raises(ModelError, match="memo 2147483647"):
        read_tensors(write(tmp_path, torch_file(dictionary(w=opcodes))))


@pytest.mark.parametrize(
    "opcodes",
    [
        pytest.param(tensor(offset=1), id="past-the-end"),
        pytest.param(tensor(stride=(5, 1)), id="steps-past-the-end"),
        pytest.param(tensor(offset=-1, size=(1,), stride=(1,)), id="before-the-start"),
        pytest.param(tensor(stride=(-4, 1)), id="steps-backwards"),
        pytest.param(tensor(size=(13,), stride=(0,)), id="one-number-too-often"),
        pytest.param(tensor(size=(1 << 40,), stride=(0,)), id="one-number-a-trillion-times"),
        pytest.param(tensor(size=(1 << 62, 4), stride=(0, 0)), id="larger-than-an-int64"),
        pytest.param(tensor(size=(3,)), id="more-strides-than-axes"),
        pytest.param(tensor(size=(3.0, 4)), id="a-fraction"),
        pytest.param(tensor(size="34"), id="text-for-a-size"),
        pytest.param(tensor(length=13), id="a-storage-longer-than-it-is"),
        pytest.param(tensor(length=-1), id="a-storage-of-negative-length"),
        pytest.param(tensor(key="8"), id="a-storage-that-is-not-there"),
    ],
)
def test_a_tensor_must_lie_in_its_storage(tmp_path: Path, opcodes: bytes) -> None:
    with pytest.raises(ModelError):
        read_tensors(write(tmp_path, torch_file(dictionary(w=opcodes))))


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"PK\x03\x04" + bytes(100)], id="a-newer-torch-file"),
        pytest.param([pickle.dumps(1), *WHOLE[1:]], id="another-magic-number"),
        pytest.param([WHOLE[0], pickle.dumps(1), *WHOLE[2:]], id="another-version"),
        pytest.param(torch_file(pickle.dumps([])), id="a-list"),
        pytest.param(torch_file(dictionary(w=tensor()), length=11), id="lengths-that-differ"),
        pytest.param(torch_file(dictionary(w=tensor()), numbers=b""), id="no-numbers"),
        pytest.param(torch_file(dictionary(w=tensor()), keys=()), id="no-storage"),
        pytest.param(torch_file(dictionary(w=tensor()), keys=5), id="keys-that-are-none"),
    ],
)
def test_a_file_that_is_none_of_tensors_is_refused(tmp_path: Path, parts: list[bytes]) -> None:
    with pytest.raises(ModelError, match=r"weights\.pth: is not a legacy torch file"):
        read_tensors(write(tmp_path, parts))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_tensors(tmp_path / "no.pth")


# Python warns of odd escapes in the text of a pickle, which a damaged one is bound to have.
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.filterwarnings("ignore:invalid octal escape sequence")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_a_damaged_file_gives_tensors_or_a_clear_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(b"".join(torch_file(dictionary(w=tensor(), v=tensor(offset=4, size=(2, 4))))))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(whole)))

    try:
        tensors = read_tensors(write(tmp_path, [bytes(whole[:end])]))
    except ModelError:
        return
    assert all(isinstance(array, np.ndarray) for array in tensors.values())
