"""Artifacts: one contract for a local folder and for a real server of the S3 protocol."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.workers.store.artifact_parts import NAME, READERS, WRITERS, sample
from tests.workers.store.object_store import ObjectStore, running_object_store
from workers.errors import NotFoundError
from workers.store.artifacts import ArtifactStore

BUCKETS = count()


class Place:
    """Where artifacts are kept, and what opens it."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self.url = url
        self.options = options

    def open(self) -> ArtifactStore:
        return ArtifactStore(self.url, self.options)

    def open_elsewhere(self) -> ArtifactStore:
        """Open it as another process does, which knows nothing of what this one has seen."""
        return ArtifactStore(self.url, self.options | {"skip_instance_cache": True})


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    with running_object_store() as server:
        yield server


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A fresh place of each kind."""
    if request.param == "local":
        return Place(f"file://{tmp_path / 'artifacts'}", {})
    server = request.getfixturevalue("object_store")
    bucket = f"bucket-{next(BUCKETS)}"
    server.make_bucket(bucket)
    return Place(f"s3://{bucket}/heatreel", server.options)


@pytest.fixture
def store(place: Place) -> ArtifactStore:
    return place.open()


readers = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


class TestContract:
    """What everybody may rely on, whatever the store is."""

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"x", id="a byte"),
            pytest.param(bytes(range(256)) * 20_000, id="5 MB"),
        ],
    )
    def test_what_was_put_is_there(
        self, store: ArtifactStore, tmp_path: Path, content: bytes
    ) -> None:
        store.put(NAME, content)
        store.put_file("from/file.bin", sample(tmp_path, content))

        for name in (NAME, "from/file.bin"):
            assert store.get(name) == content
            assert store.size(name) == len(content)
            with store.open(name) as file:
                assert file.read() == content
            with store.fetch(name, tmp_path) as path:
                assert path.read_bytes() == content

    def test_what_is_put_again_takes_the_place_of_the_old(self, store: ArtifactStore) -> None:
        store.put(NAME, b"old and long")
        assert store.size(NAME) == 12
        store.put(NAME, b"new")

        assert store.get(NAME) == b"new"
        assert store.size(NAME) == 3

    def test_a_file_is_read_in_pieces(self, store: ArtifactStore) -> None:
        store.put(NAME, b"0123456789")
        with store.open(NAME) as file:
            assert (file.read(4), file.read(4), file.read(4)) == (b"0123", b"4567", b"89")
            file.seek(2)
            assert file.read(1) == b"2"

    def test_what_was_fetched_leaves_nothing_behind(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        folder = tmp_path / "spare"
        folder.mkdir()
        store.put(NAME, b"x")
        with store.fetch(NAME, folder):
            pass

        assert list(folder.iterdir()) == []
        assert store.get(NAME) == b"x"

    @readers
    @pytest.mark.parametrize("name", ["missing", "5f/run", f"{NAME}/x", "5f/run/chunk-0-3/frames"])
    def test_what_is_not_there_is_not_found(
        self,
        store: ArtifactStore,
        tmp_path: Path,
        read: Callable[[ArtifactStore, str, Path], object],
        name: str,
    ) -> None:
        store.put(NAME, b"x")

        with pytest.raises(NotFoundError, match=name):
            read(store, name, tmp_path)

    @pytest.mark.parametrize("prefix", ["5f", "5f/run", "5f/run/chunk-0-3", NAME])
    def test_all_under_a_prefix_is_erased_and_nothing_else(
        self, store: ArtifactStore, prefix: str
    ) -> None:
        others = ("5f1/x", "5", "other/5f/x", f"{prefix}0", f"{prefix}.x")
        for name in (NAME, *others):
            store.put(name, b"x")
        store.erase(prefix)

        with pytest.raises(NotFoundError):
            store.get(NAME)
        assert [store.get(name) for name in others] == [b"x"] * 5

    def test_erasing_twice_or_nothing_is_no_fault(self, store: ArtifactStore) -> None:
        store.erase("5f")
        store.put(NAME, b"x")
        store.erase("5f")
        store.erase("5f")

    def test_what_another_process_has_written_since_is_erased_too(self, place: Place) -> None:
        store = place.open()
        store.erase("5f")
        place.open_elsewhere().put(NAME, b"x")
        assert store.size(NAME) == 1
        place.open_elsewhere().put(NAME, b"xyz")
        assert store.size(NAME) == 3
        store.erase("5f")

        with pytest.raises(NotFoundError):
            place.open_elsewhere().get(NAME)

    def test_a_sign_of_life_leaves_nothing_behind(self, place: Place, tmp_path: Path) -> None:
        store = place.open()
        store.ping()

        if store.is_local:
            assert list((tmp_path / "artifacts").iterdir()) == []
        else:
            assert store.is_local is False

    @pytest.mark.parametrize(
        "name",
        [
            "", "/", "/x", "x/", "x//y", ".", "..", "x/.", "x/..", "../x", "x/../y", "...",
            "/etc/passwd", "file:///etc/passwd", "s3://other/x", "x::file", "~", "~root",
            "x\\y", "..\\x", "x\x00y", "x\n", "x y", "x*", "?", "[a]", "{a,b}", "x%2e", "x#y",
            "x@y", "\N{SNOWMAN}", "\ud800", "x" * 201, "/".join(["x" * 100] * 10),
        ],
        ids=ascii,
    )  # fmt: skip
    def test_hostile_names_touch_nothing(self, place: Place, tmp_path: Path, name: str) -> None:
        store = place.open()
        for touch in (READERS | WRITERS).values():
            with pytest.raises(ValueError, match="plain parts"):
                touch(store, name, tmp_path)

    @pytest.mark.parametrize("name", ["x" * 200, "a/.hidden", "a..b", "A-z_0.9", "x/" * 400 + "x"])
    def test_plain_names_are_taken(self, store: ArtifactStore, name: str) -> None:
        store.put(name, b"x")
        assert store.get(name) == b"x"

    def test_a_killed_writer_leaves_nothing_half(self, place: Place, tmp_path: Path) -> None:
        store = place.open()
        store.put("5f/old", b"old")
        for name in ("5f/new", "5f/old"):
            kill_a_writer(place, name, tmp_path / f"pipe-{name[3:]}")

        assert store.get("5f/old") == b"old"
        with pytest.raises(NotFoundError):
            store.get("5f/new")
        store.erase("5f")
        with pytest.raises(NotFoundError):
            store.get("5f/old")


def kill_a_writer(place: Place, name: str, pipe: Path) -> None:
    """Have a process put a file that does not come to its end, and kill it."""
    os.mkfifo(pipe)
    script = (
        "import sys; from pathlib import Path; from workers.store.artifacts import ArtifactStore;"
        f" ArtifactStore({place.url!r}, {place.options!r}).put_file({name!r}, Path(sys.argv[1]))"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(pipe)])  # noqa: S603 - our own
    with pipe.open("wb") as source:
        source.write(b"x" * (3 << 20))  # comes back when all but the last 64 KiB have been read
        source.flush()
        assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
