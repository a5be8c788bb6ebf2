"""A running API for the tests of one module."""

from collections.abc import Iterator

import pytest

from tests.workers.web.web_parts import Portal, Worker, running


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running(tmp_path_factory.mktemp("portal") / "house") as portal:
        yield portal


@pytest.fixture
def worker(portal: Portal) -> Worker:
    return Worker(portal)
