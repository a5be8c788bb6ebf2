"""Fetching: a source's bytes, where they are or as a copy, and nothing beside them."""

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import LimitExceededError, UnreadableVideoError
from tests.workers.store.object_store import ObjectStore, running_object_store
from workers.errors import ForbiddenSourceError, NotFoundError, StoreUnavailableError
from workers.sources import FetchTerms, fetched, hash_file, require_allowed
from workers.store.artifacts import ArtifactStore

PREFIXES = ("file:///srv/videos/", "s3://videos/in/")
MAX_BYTES = 2_500_000  # more than is read at once
BOTH_SIZES = "has 2500001 bytes .* allows 2500000"


class OddStore(fsspec.AbstractFileSystem):  # type: ignore[misc] # it has no types
    """A store with one endless file, which says of it what it is told to say."""

    protocol = "s3"
    said_bytes = 0
    opened = 0

    def info(self, path: str, **_: object) -> dict[str, object]:
        return {"name": path, "type": "file", "size": self.said_bytes}

    def open(self, *_: object, **__: object) -> "Endless":
        OddStore.opened += 1
        return Endless()


class Endless(io.RawIOBase):
    """Gives as many bytes as are wanted, for ever."""

    def read(self, size: int = -1, /) -> bytes:
        return bytes(size)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(f"file://{tmp_path / 'artifacts'}")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder with a video, which the operator allows, beside one that he does not."""
    for name in ("videos", "secret"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp4").write_bytes(name.encode())
    return tmp_path / "videos"


def read(uri: str, store: ArtifactStore, folder: Path, *prefixes: Path | str) -> bytes:
    """Return the bytes of a source under prefixes, of which a path is that of a folder."""
    allowed = tuple(f"file://{one}/" if isinstance(one, Path) else one for one in prefixes)
    terms = FetchTerms(allowed, MAX_BYTES)
    with fetched(uri, artifacts=store, terms=terms, folder=folder) as path:
        return path.read_bytes()


class TestUploads:
    """What an uploader has sent is an artifact."""

    def test_is_read(self, store: ArtifactStore, tmp_path: Path) -> None:
        store.put("5f/source", b"video")

        assert read("upload:5f/source", store, tmp_path) == b"video"

    def test_what_is_gone_is_unreadable(self, store: ArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(UnreadableVideoError, match="is gone"):
            read("upload:5f/source", store, tmp_path)

    @pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "../../etc/passwd", "5f/*", "a\x00"])
    def test_leads_nowhere_else(self, store: ArtifactStore, tmp_path: Path, name: str) -> None:
        with pytest.raises(ForbiddenSourceError):
            read(f"upload:{name}", store, tmp_path)

    def test_what_goes_wrong_with_its_bytes_is_told_as_it_is(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        store.put("5f/source", b"video")
        with (
            pytest.raises(NotFoundError, match="something else"),
            fetched(
                "upload:5f/source",
                artifacts=store,
                terms=FetchTerms((), MAX_BYTES),
                folder=tmp_path,
            ),
        ):
            raise NotFoundError("something else")


class TestFiles:
    """A file of this machine is read where it is, and nowhere else."""

    def test_is_read(self, store: ArtifactStore, videos: Path) -> None:
        assert read(f"file://{videos}/a.mp4", store, videos, videos) == b"videos"

    @pytest.mark.parametrize("name", ["a b.mp4", "100%.mp4", "%2e%2e", "caf\N{SNOWMAN}.mp4", "a#b"])
    def test_by_any_name(self, store: ArtifactStore, videos: Path, name: str) -> None:
        (videos / name).write_bytes(b"x")
        escaped = "".join(f"%{byte:02x}" for byte in name.encode())
        plain = require_allowed(f"file://{videos}/{escaped}", (f"file://{videos}/",))

        assert read(plain, store, videos, videos) == b"x"

    def test_prefixes_may_have_changed_since(self, store: ArtifactStore, videos: Path) -> None:
        with pytest.raises(ForbiddenSourceError):
            read(f"file://{videos}/a.mp4", store, videos, videos / "deeper")

    def test_one_of_the_largest_size_is_read_and_a_larger_one_is_not(
        self, store: ArtifactStore, videos: Path
    ) -> None:
        (videos / "a.mp4").write_bytes(bytes(MAX_BYTES))
        (videos / "b.mp4").write_bytes(bytes(MAX_BYTES + 1))

        assert len(read(f"file://{videos}/a.mp4", store, videos, videos)) == MAX_BYTES
        with pytest.raises(LimitExceededError, match=BOTH_SIZES):
            read(f"file://{videos}/b.mp4", store, videos, videos)

    def test_a_link_within_is_followed(self, store: ArtifactStore, videos: Path) -> None:
        (videos / "link.mp4").symlink_to(videos / "a.mp4")
        (videos / "folder").symlink_to(videos)

        assert read(f"file://{videos}/folder/link.mp4", store, videos, videos) == b"videos"

    def test_a_prefix_may_be_a_link(self, store: ArtifactStore, videos: Path) -> None:
        link = videos.parent / "link"
        link.symlink_to(videos)

        assert read(f"file://{link}/a.mp4", store, videos, link) == b"videos"

    @pytest.mark.parametrize("target", ["../secret/a.mp4", "/etc/passwd", "../secret"])
    def test_a_link_that_leads_out_is_not(
        self, store: ArtifactStore, videos: Path, target: str
    ) -> None:
        (videos / "link").symlink_to(target)
        for uri in (f"file://{videos}/link", f"file://{videos}/link/a.mp4"):
            with pytest.raises(ForbiddenSourceError, match="leads out"):
                read(uri, store, videos, videos)

    def test_nor_one_into_a_folder_whose_name_only_begins_alike(
        self, store: ArtifactStore, videos: Path
    ) -> None:
        other = videos.parent / "videos-of-others"
        other.mkdir()
        (other / "a.mp4").touch()
        (videos / "link").symlink_to(other)
        with pytest.raises(ForbiddenSourceError, match="leads out"):
            read(f"file://{videos}/link/a.mp4", store, videos, videos)

    def test_what_is_no_file_is_unreadable(self, store: ArtifactStore, videos: Path) -> None:
        os.mkfifo(videos / "pipe")
        (videos / "folder").mkdir()
        (videos / "circle").symlink_to(videos / "circle")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(videos / "socket"))
        for name in ("missing", "pipe", "folder", "socket", "circle", "x" * 300, "a.mp4/x"):
            with pytest.raises(UnreadableVideoError):
                read(f"file://{videos}/{name}", store, videos, videos)


class TestObjects:
    """An object of an S3-compatible store is copied, and the copy removed."""

    @pytest.fixture(scope="module")
    @staticmethod
    def server() -> Iterator[ObjectStore]:
        with running_object_store() as server:
            server.make_bucket("videos")
            yield server

    def read(self, server: ObjectStore, uri: str, store: ArtifactStore, folder: Path) -> bytes:
        options = server.options | {"skip_instance_cache": True}
        terms = FetchTerms(PREFIXES, MAX_BYTES, options)
        with fetched(uri, artifacts=store, terms=terms, folder=folder) as path:
            assert path.readlink().parent == folder  # on its disk, without a name
            return path.read_bytes()

    @pytest.mark.parametrize("key", ["a.mp4", "a b.mp4", "a::b", "*", "100%25", "\N{SNOWMAN}"])
    def test_is_read(
        self, server: ObjectStore, store: ArtifactStore, tmp_path: Path, key: str
    ) -> None:
        server.client.put_object(Bucket="videos", Key=f"in/{key}", Body=b"video")
        escaped = "".join(f"%{byte:02x}" for byte in key.encode())
        plain = require_allowed(f"s3://videos/in/{escaped}", PREFIXES)

        assert self.read(server, plain, store, tmp_path) == b"video"
        assert list(tmp_path.iterdir()) == []

    def test_what_is_not_there_is_unreadable(
        self, server: ObjectStore, store: ArtifactStore, tmp_path: Path
    ) -> None:
        with pytest.raises(UnreadableVideoError):
            self.read(server, "s3://videos/in/missing", store, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_one_of_the_largest_size_is_read_and_a_larger_one_is_not(
        self, server: ObjectStore, store: ArtifactStore, tmp_path: Path
    ) -> None:
        for key, size_bytes in (("fits", MAX_BYTES), ("large", MAX_BYTES + 1)):
            server.client.put_object(Bucket="videos", Key=f"in/{key}", Body=bytes(size_bytes))

        assert len(self.read(server, "s3://videos/in/fits", store, tmp_path)) == MAX_BYTES
        with pytest.raises(LimitExceededError, match=BOTH_SIZES):
            self.read(server, "s3://videos/in/large", store, tmp_path)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("odd_store")
    def test_a_larger_one_is_not_even_opened(self, store: ArtifactStore, tmp_path: Path) -> None:
        OddStore.said_bytes = MAX_BYTES + 1
        with pytest.raises(LimitExceededError, match=BOTH_SIZES):
            self.read_odd(store, tmp_path)
        assert OddStore.opened == 0

    @pytest.mark.usefixtures("odd_store")
    def test_one_that_is_larger_than_its_store_says_is_not_copied_to_its_end(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        OddStore.said_bytes = 1
        with pytest.raises(LimitExceededError, match=r"has \d+ bytes .* allows 2500000"):
            self.read_odd(store, tmp_path)
        assert list(tmp_path.iterdir()) == []

    @pytest.fixture
    @staticmethod
    def odd_store() -> Iterator[None]:
        """Have s3:// lead to a store whose word is worth nothing."""
        real = fsspec.get_filesystem_class("s3")
        OddStore.opened = 0
        fsspec.register_implementation("s3", OddStore, clobber=True)
        yield
        fsspec.register_implementation("s3", real, clobber=True)

    def read_odd(self, store: ArtifactStore, folder: Path) -> None:
        terms = FetchTerms(PREFIXES, MAX_BYTES)
        with fetched("s3://videos/in/odd", artifacts=store, terms=terms, folder=folder):
            pass

    def test_nothing_is_asked_for_that_is_not_allowed(
        self, server: ObjectStore, store: ArtifactStore, tmp_path: Path
    ) -> None:
        server.client.put_object(Bucket="videos", Key="secret", Body=b"x")
        with pytest.raises(ForbiddenSourceError):
            self.read(server, "s3://videos/secret", store, tmp_path)

    def test_a_server_that_is_away_is_asked_again_later(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        with running_object_store() as server:
            pass
        with pytest.raises(StoreUnavailableError):
            self.read(server, "s3://videos/in/a.mp4", store, tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestHashing:
    """A file's hash and size, or that it cannot be read."""

    @pytest.mark.parametrize(
        ("content", "begins"), [(b"", "e3b0c442"), (b"abc", "ba7816bf"), (b"x" * 3_000_000, None)]
    )
    def test_of_its_bytes(self, tmp_path: Path, content: bytes, begins: str | None) -> None:
        path = tmp_path / "video"
        path.write_bytes(content)
        sha256, size_bytes = hash_file(path)

        assert size_bytes == len(content)
        assert len(sha256) == 64
        assert begins is None or sha256.startswith(begins)

    def test_of_what_cannot_be_opened(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "missing"):
            with pytest.raises(UnreadableVideoError):
                hash_file(path)
