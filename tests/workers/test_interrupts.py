"""Ctrl-C, where something swallows the exception that it raises."""

import contextlib
import signal
import threading

import pytest

from workers.interrupts import remembered_interrupts


@pytest.fixture(autouse=True)
def _default_handler() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_that_was_swallowed_is_raised_again() -> None:
    with remembered_interrupts() as check:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            check()


def test_nothing_is_raised_where_nobody_interrupts() -> None:
    with remembered_interrupts() as check:
        check()


def test_the_handler_is_put_back() -> None:
    with remembered_interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupts_that_are_ignored_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with remembered_interrupts() as check:
        signal.raise_signal(signal.SIGINT)
        check()


def test_interrupts_that_others_handle_stay_theirs() -> None:
    came = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: came.set())
    with remembered_interrupts() as check:
        signal.raise_signal(signal.SIGINT)
        check()
    assert came.is_set()
