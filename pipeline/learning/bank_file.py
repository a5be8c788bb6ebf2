"""A bank as a file: one .npz that holds numbers alone.

It is read as a file that anybody may have written: no pickles, nothing compressed, no array longer
than the file. Equal banks are equal bytes.
"""

import hashlib
import io
import math
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.judging.ood import Scale
from pipeline.learning.bank import Bank, Detector, Familiar, Method
from pipeline.records import BankFacts

KIND = "heatreel bank 1"
MAX_BYTES = 64 << 20  # 10,000 rows of 256 and their basis are 12 MB
MAX_TEXT = 200
WORDS = ("kind", "model_id", "model_sha256", "method")
COUNTS = ("sources", "held_out_sources")
NUMBERS = (
    "false_alarms", "threshold", "logit_mean", "logit_deviation", "knn_mean", "knn_deviation",
)  # fmt: skip
COLUMNS = {"held_out": 1, "basis": 2, "features": 2}  # and their dimensions
HEADER_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
BAD_FILE = (
    ValueError, LookupError, TypeError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError,
    OverflowError, RuntimeError, SyntaxError, MemoryError, tokenize.TokenError,
)  # fmt: skip


def write_bank(bank: Bank) -> bytes:
    """Return the bytes of a bank's file; equal in, equal out."""
    familiar = bank.familiar
    words = (KIND, bank.model_id, bank.model_sha256, familiar.method.value)
    counts = (bank.sources, bank.held_out_sources)
    numbers = (
        bank.false_alarms,
        bank.threshold,
        familiar.logit_scale.mean,
        familiar.logit_scale.deviation,
        familiar.knn_scale.mean,
        familiar.knn_scale.deviation,
    )
    arrays: dict[str, NDArray[Any]] = {
        **{name: np.array(word) for name, word in zip(WORDS, words, strict=True)},
        **{name: np.array(count, "<i8") for name, count in zip(COUNTS, counts, strict=True)},
        **{name: np.array(number, "<f8") for name, number in zip(NUMBERS, numbers, strict=True)},
        "held_out": bank.held_out.astype("<f4"),
        "basis": np.ascontiguousarray(familiar.basis, "<f4"),
        "features": np.ascontiguousarray(familiar.features, "<f4"),
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_detector(path: Path) -> Detector:
    """Read a bank's file; whether it is of the model at hand, `Detector.require_model` says.

    Raises:
        ModelError: if it cannot be read, or is no bank, in whatever way.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ModelError(f"{path}: longer than {MAX_BYTES:,} bytes, so no bank")
    try:
        bank = _to_bank(_read_arrays(content))
    except BAD_FILE as error:
        raise ModelError(f"{path}: is no bank: {str(error)[:MAX_TEXT]!r}") from error
    facts = BankFacts(
        hashlib.sha256(content).hexdigest(),
        bank.familiar.method.value,
        bank.threshold,
        bank.false_alarms,
    )
    return Detector(bank, facts)


def _read_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz, each as long as it says and the file is."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = [f"{name}.npy" for name in (*WORDS, *COUNTS, *NUMBERS, *COLUMNS)]
        if [member.filename for member in members] != names:
            raise ValueError("it does not hold what a bank holds")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("it is compressed")
        if sum(member.file_size for member in members) > len(content):
            raise ValueError("it says that it is longer than it is")
        return {
            member.filename.removesuffix(".npy"): _read_array(archive.read(member))
            for member in members
        }


def _read_array(content: bytes) -> NDArray[Any]:
    """Return the array of an .npy, of text or numbers."""
    file = io.BytesIO(content)
    shape, is_fortran, dtype = HEADER_READERS[npy.read_magic(file)](file)
    rest = content[file.tell() :]
    if is_fortran or dtype.kind not in "Uif" or math.prod(shape) * dtype.itemsize != len(rest):
        raise ValueError("an array in it is not what it says")
    if not dtype.itemsize:  # text of no length
        return np.zeros(shape, dtype)
    return np.frombuffer(rest, dtype).reshape(shape)


def _to_bank(arrays: dict[str, NDArray[Any]]) -> Bank:
    words = {name: str(_scalar(arrays[name], "U")) for name in WORDS}
    counts = {name: int(_scalar(arrays[name], "i")) for name in COUNTS}
    numbers = {name: float(_scalar(arrays[name], "f")) for name in NUMBERS}
    if words["kind"] != KIND:
        raise ValueError(f"it is of another kind, {words['kind'][:MAX_TEXT]!r}")
    if any(arrays[name].dtype != "<f4" or arrays[name].ndim != n for name, n in COLUMNS.items()):
        raise ValueError("its columns are not of float32")
    return Bank(
        words["model_id"],
        words["model_sha256"],
        familiar=Familiar(
            Method(words["method"]),
            arrays["basis"].astype(np.float32),
            arrays["features"].astype(np.float32),
            logit_scale=Scale(numbers["logit_mean"], numbers["logit_deviation"]),
            knn_scale=Scale(numbers["knn_mean"], numbers["knn_deviation"]),
        ),
        held_out=arrays["held_out"].astype(np.float32),
        false_alarms=numbers["false_alarms"],
        threshold=numbers["threshold"],
        **counts,
    )


def _scalar(array: NDArray[Any], kind: str) -> Any:
    if array.shape or array.dtype.kind != kind or array.dtype.itemsize > 4 * MAX_TEXT:
        raise ValueError("it holds no plain word or number where one should be")
    return array.item()
