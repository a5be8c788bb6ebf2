"""What the tests of artifacts are made of: whatever reads a store, and whatever writes to it."""

from collections.abc import Callable
from pathlib import Path

from workers.store.artifacts import ArtifactStore

NAME = "5f/run/chunk-0-3/frames.parquet"

READERS: dict[str, Callable[[ArtifactStore, str, Path], object]] = {
    "get": lambda store, name, _: store.get(name),
    "size": lambda store, name, _: store.size(name),
    "open": lambda store, name, _: store.open(name).__enter__(),
    "fetch": lambda store, name, folder: store.fetch(name, folder).__enter__(),
}
WRITERS: dict[str, Callable[[ArtifactStore, str, Path], object]] = {
    "put": lambda store, name, _: store.put(name, b"x"),
    "put_file": lambda store, name, folder: store.put_file(name, sample(folder, b"x")),
    "erase": lambda store, name, _: store.erase(name),
}


def sample(folder: Path, content: bytes) -> Path:
    path = folder / "sample"
    path.write_bytes(content)
    return path
