"""Artifacts: what holds of a folder, and of a server that is away or has no such bucket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.workers.store.artifact_parts import NAME, READERS, WRITERS
from tests.workers.store.object_store import ObjectStore, running_object_store
from workers.errors import SettingsError, StoreUnavailableError
from workers.store.artifacts import ArtifactStore


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    with running_object_store() as server:
        yield server


class TestLocal:
    """What holds of a folder of this machine."""

    def test_a_writer_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        store = ArtifactStore(f"file://{tmp_path}")
        store.put("5f/old", b"old")
        folder = tmp_path / "5f" / "new"
        folder.mkdir()
        (folder / "in the way").touch()

        with pytest.raises(StoreUnavailableError):
            store.put("5f/new", b"x")
        assert sorted(path.name for path in (tmp_path / "5f").iterdir()) == ["new", "old"]

    def test_a_place_that_is_no_folder_takes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        store = ArtifactStore(f"file://{tmp_path / 'file'}")

        for touch in (store.ping, lambda: store.put(NAME, b"x")):
            with pytest.raises(StoreUnavailableError):
                touch()

    def test_a_file_is_fetched_where_it_is(self, tmp_path: Path) -> None:
        store = ArtifactStore(f"file://{tmp_path}")
        store.put(NAME, b"x")
        with store.fetch(NAME, Path("/nowhere")) as path:
            assert path == tmp_path / NAME

    def test_the_name_may_hold_what_others_take_for_a_pattern(self, tmp_path: Path) -> None:
        store = ArtifactStore(f"file://{tmp_path}/[a] *?")
        store.put(NAME, b"x")
        assert (tmp_path / "[a] *?" / NAME).read_bytes() == b"x"
        store.erase("5f")
        assert list((tmp_path / "[a] *?").iterdir()) == []


class TestObjectStore:
    """What holds of a server that is not there, or has no such bucket."""

    def test_without_a_bucket_nothing_is_taken(self, object_store: ObjectStore) -> None:
        store = ArtifactStore("s3://no-such-bucket/x", object_store.options)

        for touch in (store.ping, lambda: store.put(NAME, b"x")):
            with pytest.raises(StoreUnavailableError):
                touch()

    def test_what_it_holds_lies_under_its_prefix(self, object_store: ObjectStore) -> None:
        object_store.make_bucket("prefixed")
        store = ArtifactStore("s3://prefixed/a/b", object_store.options)
        store.put(NAME, b"x")
        store.ping()

        listed = object_store.client.list_objects_v2(Bucket="prefixed")["Contents"]
        assert [one["Key"] for one in listed] == [f"a/b/{NAME}"]

    @pytest.mark.parametrize("touch", (READERS | WRITERS).values(), ids=READERS | WRITERS)
    def test_a_server_that_is_away_is_told_from_a_file_that_is_not_there(
        self, tmp_path: Path, touch: Callable[[ArtifactStore, str, Path], object]
    ) -> None:
        with running_object_store() as server:
            server.make_bucket("bucket")
            options = server.options | {"skip_instance_cache": True}
            store = ArtifactStore("s3://bucket/x", options)
            store.put(NAME, b"x")

        with pytest.raises(StoreUnavailableError, match=NAME):
            touch(store, NAME, tmp_path)

    def test_one_that_goes_away_while_a_file_is_read(self) -> None:
        with ExitStack() as stack:
            server = stack.enter_context(running_object_store())
            server.make_bucket("bucket")
            store = ArtifactStore("s3://bucket/x", server.options | {"skip_instance_cache": True})
            store.put(NAME, b"x" * (8 << 20))

            def read() -> None:
                with store.open(NAME) as file:
                    stack.close()
                    file.read()

            with pytest.raises(StoreUnavailableError, match=NAME):
                read()


@pytest.mark.parametrize("url", ["gopher://x", "nonesuch://bucket/x"])
def test_a_place_of_an_unknown_kind_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="artifacts_url"):
        ArtifactStore(url)
