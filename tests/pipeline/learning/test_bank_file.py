"""A bank as a file: equal in, equal out; what nobody of ours wrote is refused, and runs nothing."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import ModelError
from pipeline.learning import bank_file
from pipeline.learning.bank import Bank, Method
from pipeline.learning.bank_file import read_detector, write_bank
from tests.pipeline.learning.bank_parts import bank_of, examples_of

BANK = bank_of()
CONTENT = write_bank(BANK)
Arrays = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bank.npz"


def arrays_of(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        return {name: loaded[name] for name in loaded}


def saved(arrays: Arrays, *, is_compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if is_compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        read_detector(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("method", Method)
def test_what_is_read_back_is_what_was_written(method: Method, path: Path) -> None:
    bank = bank_of(examples_of(60, frames=2, spread=0.1), method=method)
    path.write_bytes(write_bank(bank))

    detector = read_detector(path)

    assert write_bank(detector.bank) == write_bank(bank)
    assert (detector.bank.familiar.method, detector.bank.threshold) == (method, bank.threshold)
    assert detector.bank.familiar.logit_scale == bank.familiar.logit_scale
    np.testing.assert_array_equal(detector.bank.familiar.features, bank.familiar.features)
    np.testing.assert_array_equal(detector.bank.held_out, bank.held_out)
    assert (detector.facts.method, detector.facts.threshold) == (method.value, bank.threshold)
    assert detector.facts.false_alarms == bank.false_alarms


def test_equal_banks_are_equal_bytes_and_numpy_reads_them(path: Path) -> None:
    assert write_bank(bank_of()) == CONTENT
    assert write_bank(bank_of(seed=5)) != CONTENT
    path.write_bytes(CONTENT)
    first, second = read_detector(path), read_detector(path)

    assert first.facts == second.facts
    assert arrays_of(CONTENT)["features"].dtype == np.float32


def flipped(content: bytes) -> bytes:
    """Return a file of which a bit among the features is another."""
    i = content.index(b"features.npy") + 300
    return content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]


def spoil(**changes: Any) -> Callable[[Bank], bytes]:
    """Return the making of a file of which some arrays are others."""
    return lambda bank: saved(arrays_of(write_bank(bank)) | changes)


def lie_about(name: str, header: bytes) -> Callable[[Bank], bytes]:
    """Return the making of a file in which one array's header is another."""

    def make(bank: Bank) -> bytes:
        buffer = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(write_bank(bank))) as old,
            zipfile.ZipFile(buffer, "w") as new,
        ):
            for member in old.infolist():
                content = old.read(member)
                if member.filename == f"{name}.npy":
                    length = len(header).to_bytes(2, "little")
                    content = b"\x93NUMPY\x01\x00" + length + header + content[128:]
                new.writestr(member.filename, content)
        return buffer.getvalue()

    return make


HOSTILE: dict[str, Callable[[Bank], bytes]] = {
    "nothing": lambda _: b"",
    "no-zip": lambda _: b"PK\x03\x04" + bytes(99),
    "a-pickle": lambda _: pickle.dumps(np.zeros(3)),
    "half": lambda bank: write_bank(bank)[:-500],
    "a-bit-flipped": lambda bank: flipped(write_bank(bank)),
    "compressed": lambda bank: saved(arrays_of(write_bank(bank)), is_compressed=True),
    "empty-archive": lambda _: saved({}),
    "an-array-missing": lambda bank: saved(
        {k: v for k, v in arrays_of(write_bank(bank)).items() if k != "basis"}
    ),
    "an-array-more": spoil(more=np.zeros(1)),
    "of-another-kind": spoil(kind=np.array("heatreel bank 2")),
    "an-unknown-method": spoil(method=np.array("guess")),
    "a-word-for-a-number": spoil(threshold=np.array("high")),
    "a-list-for-a-number": spoil(threshold=np.zeros(3)),
    "a-number-for-a-word": spoil(model_id=np.array(3)),
    "a-very-long-word": spoil(model_id=np.array("x" * 9_999)),
    "features-of-double": spoil(features=np.zeros((9, 6))),
    "features-of-another-width": spoil(features=np.zeros((9, 5), np.float32)),
    "features-of-one-dimension": spoil(features=np.zeros(9, np.float32)),
    "too-many-rows": spoil(
        features=np.zeros((10_001, 1), np.float32), basis=np.zeros((1, 6), np.float32)
    ),
    "no-rows": spoil(features=np.zeros((0, 6), np.float32)),
    "nan-features": spoil(features=np.full((9, 6), np.nan, np.float32)),
    "nan-threshold": spoil(threshold=np.array(np.nan)),
    "no-held-out": spoil(held_out=np.zeros(0, np.float32)),
    "a-scale-of-nothing": spoil(knn_deviation=np.array(0.0)),
    "objects": spoil(model_id=np.array({"a": 1}, dtype=object)),
    "a-terabyte": lie_about(
        "features", b"{'descr': '<f4', 'fortran_order': False, 'shape': (250000000000, 6)}\n"
    ),
    "a-negative-length": lie_about(
        "features", b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -4)}\n"
    ),
    "a-length-to-be-guessed": lie_about(
        "features", b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 6)}\n"
    ),
    "objects-by-the-header": lie_about(
        "features", b"{'descr': '|O', 'fortran_order': False, 'shape': (8,)}\n"
    ),
    "a-header-that-is-a-program": lie_about("features", b"__import__('os').abort()\n"),
    "a-header-of-brackets": lie_about("features", b"(" * 5_000),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=list(HOSTILE))
def test_what_is_no_bank_is_refused(make: Callable[[Bank], bytes], path: Path) -> None:
    assert "is no bank" in refused(path, make(BANK))


def test_a_file_that_is_too_long_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(bank_file.MAX_BYTES + 1)
    with pytest.raises(ModelError, match="so no bank"):
        read_detector(path)


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_detector(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(CONTENT) - 1), byte=st.integers(0, 255))
def test_a_byte_that_was_changed_is_refused_or_changes_nothing(
    place: int, byte: int, path: Path
) -> None:
    """The archive's own check sums see to what it holds; some of its bytes mean nothing."""
    path.write_bytes(CONTENT[:place] + bytes([byte]) + CONTENT[place + 1 :])
    try:
        read = read_detector(path).bank
    except ModelError:
        return
    assert write_bank(read) == CONTENT
