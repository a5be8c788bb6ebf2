"""Tensors out of a legacy torch file, without torch and without trusting the file.

A file of torch before 1.6 is a row of pickles (a magic number, a protocol version, facts about
the machine, the tensors, the keys of their storages), then each storage's raw numbers. A pickle
is a program. This reader admits no name in it but those of a dictionary of tensors, and checks
that every tensor lies inside its storage before it looks there.
"""

import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from pipeline.errors import ModelError

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
MEMO_OPCODES = {"PUT", "BINPUT", "LONG_BINPUT"}
# What the unpickler raises on bytes that are no pickle, as its documentation warns.
UNPICKLING_ERRORS = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, MemoryError,
    OverflowError, TypeError, ValueError,
)  # fmt: skip

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of numbers that tensors lie in."""

    key: str
    dtype: str
    length: int


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Where in its storage a tensor lies; lengths and steps count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        numbers = (self.offset, *self.shape, *self.strides)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise ValueError(f"not where a tensor can lie: {self}")
        steps = ((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        last = self.offset + sum(steps)
        if 0 not in self.shape and last >= self.storage.length:
            raise ValueError(f"a tensor that reaches out of its storage: {self}")
        if np.prod(self.shape, dtype=object) > self.storage.length:
            raise ValueError(f"a tensor larger than its storage: {self}")


class _TensorUnpickler(pickle.Unpickler):
    """Unpickles a dictionary of tensors, as recipes; any other name in the file is refused."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        match module_name, global_name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return self._recipe
            case "torch", name if name in STORAGES:
                return STORAGES[name]
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not admitted")

    def persistent_load(self, pid: Any, /) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), str(), int(length), None):
                return _Storage(key, dtype, length)
        raise pickle.UnpicklingError(f"a storage was to come, not {pid!r}")

    # The name and the arguments are torch's; the last two matter to training alone.
    def _recipe(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Recipe:
        if not isinstance(storage, _Storage):
            raise pickle.UnpicklingError(f"a tensor in {storage!r}, which is no storage")
        return _Recipe(storage, offset, tuple(size), tuple(stride))


def read_tensors(path: Path) -> Tensors:
    """Return the tensors of a legacy torch file by their names, in its order.

    Raises:
        ModelError: if the file cannot be read, is cut short or holds anything but tensors.
    """

    def refuse(why: object) -> NoReturn:
        raise ModelError(f"{path}: is not a legacy torch file of tensors alone: {why}")

    try:
        # From memory, where a length that the file lies about reserves nothing.
        return _read_tensors(io.BytesIO(path.read_bytes()), refuse)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except UNPICKLING_ERRORS as error:
        refuse(error)


def _read_tensors(file: io.BytesIO, refuse: Callable[[object], NoReturn]) -> Tensors:
    if (_load(file), _load(file)) != (MAGIC_NUMBER, PROTOCOL_VERSION):
        refuse("it begins otherwise")
    _load(file)  # the byte order and word sizes of the machine it was written on
    recipes = _load(file)
    is_recipe = isinstance(recipes, OrderedDict) and all(
        isinstance(name, str) and isinstance(recipe, _Recipe) for name, recipe in recipes.items()
    )
    if not is_recipe:
        refuse("it holds something else than tensors by name")
    wanted = {recipe.storage.key: recipe.storage for recipe in recipes.values()}
    numbers = {key: _read_numbers(file, wanted[key]) for key in _load(file)}
    return {name: _cut(numbers[recipe.storage.key], recipe) for name, recipe in recipes.items()}


def _load(file: io.BytesIO) -> Any:
    """Return what the pickle that comes next stands for."""
    start = file.tell()
    for opcode, argument, _ in pickletools.genops(file):
        # The unpickler reserves memory up to the number of a memo: four bytes could ask for 32 GB.
        if opcode.name in MEMO_OPCODES and (argument or 0) > file.tell():
            raise pickle.UnpicklingError(f"memo {argument}, of which there are not so many")
    file.seek(start)
    return _TensorUnpickler(file).load()


def _read_numbers(file: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    """Return the numbers of the storage that comes next: its length as int64, then they."""
    length = int.from_bytes(file.read(8), "little")
    dtype = np.dtype(storage.dtype)
    raw = file.read(storage.length * dtype.itemsize)
    if length != storage.length or len(raw) != storage.length * dtype.itemsize:
        raise pickle.UnpicklingError(f"{storage} does not have the length it should")
    return np.frombuffer(raw, dtype)


def _cut(numbers: NDArray[Any], recipe: _Recipe) -> NDArray[Any]:
    strides = [step * numbers.itemsize for step in recipe.strides]
    return as_strided(numbers[recipe.offset :], recipe.shape, strides).copy()
