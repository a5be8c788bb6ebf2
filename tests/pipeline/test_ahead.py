"""Working ahead: the same items in the same order, made on another thread."""

import threading
from collections.abc import Generator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ahead import Stopwatch, work_ahead


def counted(n: int, closed: list[str] | None = None) -> Generator[int]:
    try:
        yield from range(n)
    finally:
        if closed is not None:
            closed.append("closed")


@given(st.integers(0, 30), st.integers(1, 8))
def test_nothing_is_lost_or_reordered(n: int, depth: int) -> None:
    assert list(work_ahead(counted(n), depth=depth)) == list(range(n))


def test_items_are_made_on_one_other_thread() -> None:
    def threads() -> Generator[int]:
        for _ in range(5):
            yield threading.get_ident()

    made_on = set(work_ahead(threads(), depth=3))

    assert len(made_on) == 1
    assert threading.get_ident() not in made_on


def test_an_error_comes_in_its_turn() -> None:
    def failing() -> Generator[int]:
        yield 1
        raise KeyError("broken")

    items = work_ahead(failing(), depth=4)

    assert next(items) == 1
    with pytest.raises(KeyError, match="broken"):
        next(items)


def test_no_more_than_the_depth_is_made_beforehand() -> None:
    made: list[int] = []

    def noting() -> Generator[int]:
        for i in range(100):
            made.append(i)
            yield i

    items = work_ahead(noting(), depth=3)
    list(islice(items, 2))
    items.close()  # type: ignore[attr-defined] # it is a generator

    assert len(made) <= 2 + 3


def test_whoever_stops_early_closes_the_source() -> None:
    closed: list[str] = []

    items = work_ahead(counted(9, closed), depth=2)
    next(items)
    items.close()  # type: ignore[attr-defined] # it is a generator

    assert closed == ["closed"]


def test_a_stopwatch_counts_the_making_and_not_the_using() -> None:
    now_s = iter([0.0, 1.0, 10.0, 12.0, 20.0, 20.5])
    watch = Stopwatch(lambda: next(now_s))

    assert list(watch.timed(iter("ab"))) == ["a", "b"]
    assert watch.total_s == pytest.approx(1.0 + 2.0 + 0.5)
