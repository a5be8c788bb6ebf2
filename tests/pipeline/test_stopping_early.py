"""Working ahead for somebody who leaves: what was not begun never is, and the source is closed."""

import threading
from collections.abc import Generator
from itertools import count

import pytest

from pipeline.ahead import work_ahead


def test_what_was_not_begun_when_somebody_left_never_is() -> None:
    made: list[int] = []
    go_on = threading.Event()

    def slow() -> Generator[int]:
        for i in count():
            made.append(i)
            if i == 1:
                go_on.wait(timeout=10)
            yield i

    items = work_ahead(slow(), depth=8)
    next(items)
    threading.Timer(0.3, go_on.set).start()
    items.close()  # type: ignore[attr-defined] # it is a generator

    assert made in ([0], [0, 1])  # the second may have been begun


def test_the_source_is_closed_even_if_somebody_still_holds_it() -> None:
    closed: list[str] = []

    def source() -> Generator[int]:
        try:
            yield from range(9)
        finally:
            closed.append("closed")

    held = source()
    items = work_ahead(held, depth=2)
    next(items)
    items.close()  # type: ignore[attr-defined] # it is a generator

    assert closed == ["closed"]
    assert next(held, None) is None


def test_an_error_of_closing_is_not_lost() -> None:
    def source() -> Generator[int]:
        try:
            yield from range(9)
        finally:
            raise KeyError("closing")

    items = work_ahead(source(), depth=2)
    next(items)

    with pytest.raises(KeyError, match="closing"):
        items.close()  # type: ignore[attr-defined] # it is a generator
