"""The line between a worker and its decoder: requests go down whole, headers come up checked."""

import json
import os
import tempfile
from pathlib import Path
from socket import socketpair
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.decode import CpuBudget
from pipeline.media.wire import (
    MAX_HEADER_BYTES,
    MAX_TEXT,
    Allowance,
    Answer,
    Header,
    MisfitError,
    ProbeRequest,
    Received,
    load_request,
    pack_answer,
    printable,
    read_array,
    read_header,
    receive_request,
    send_request,
    send_stop,
)
from tests.pipeline.media.line_parts import JSON, Tape
from tests.pipeline.media.media_parts import LIMITS


def test_a_request_arrives_as_it_was_sent_and_a_stop_after_it() -> None:
    request = ProbeRequest(Path(os.fsdecode(b"/\xff.mp4")), LIMITS, Allowance(9.0, 0.5))
    worker, child = socketpair()
    with worker, child, tempfile.TemporaryFile() as file:
        file.write(b"what is in it")
        file.flush()
        send_request(worker, 7, request, file.fileno())
        send_stop(worker, 7)

        received = receive_request(child)
        assert (received.number, load_request(received.content)) == (7, request)
        assert received.descriptor is not None
        assert os.pread(received.descriptor, 99, 0) == b"what is in it"
        os.close(received.descriptor)
        assert receive_request(child) == Received(7, b"", None)


@pytest.mark.parametrize("said", [b"", b"\0\0\0", b"\0\0\0\1\0\0\0\x09half"])
def test_the_line_ends_with_the_worker(said: bytes) -> None:
    worker, child = socketpair()
    with child:
        worker.sendall(said)
        worker.close()
        with pytest.raises(EOFError):
            receive_request(child)


def test_an_allowance_is_where_the_budget_stands() -> None:
    clock = iter([100.0, 103.5])

    assert Allowance.of(CpuBudget(9.0, lambda: next(clock))) == Allowance(9.0, 3.5)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (5,), (2, 3, 4)], ids=str)
def test_an_array_comes_back_whatever_its_shape(shape: tuple[int, ...]) -> None:
    sent = np.random.default_rng(1).integers(-(2**63), 2**63, shape, dtype=np.int64)
    tape = Tape(pack_answer(Answer({}, (sent, b"!"))))
    read_header(tape)

    np.testing.assert_array_equal(read_array(tape, np.int64, shape), sent)
    assert tape.content[tape.at :] == b"!"


def test_a_header_may_be_as_long_as_the_bound_and_no_longer() -> None:
    frame = len(pack_answer(Answer({"a": ""}))) - 4
    longest = pack_answer(Answer({"a": (MAX_HEADER_BYTES - frame) * "x"}))

    assert read_header(Tape(longest, step_bytes=1 << 20)).fields
    with pytest.raises(MisfitError, match="1,048,577 bytes, more than 1,048,576"):
        read_header(Tape((MAX_HEADER_BYTES + 1).to_bytes(4)))


@pytest.mark.parametrize(
    "said", [b"", b"{]", b"[]", b"1", b"\xff", b'{"a": NaN}', b'{"a": 1e999}', 2_000 * b"["]
)
def test_what_is_no_header(said: bytes) -> None:
    with pytest.raises(MisfitError):
        read_header(Tape(len(said).to_bytes(4) + said))


@given(st.binary(max_size=99))
def test_any_bytes_are_a_header_or_refused(said: bytes) -> None:
    with pytest.raises((MisfitError, EOFError)):
        read_header(Tape(said)).whole("pts", 0, 9)


@pytest.mark.parametrize(("value", "fits"), [(-3, False), (-2, True), (2, True), (3, False)])
def test_bounds_belong_to_what_they_bound(value: int, fits: object) -> None:
    for read in (Header({"a": value}).whole, Header({"a": float(value)}).number):
        try:
            assert read("a", -2, 2) == value
        except MisfitError as misfit:
            assert not fits
            assert str(misfit).startswith("a is no ")  # noqa: PT017 - one of two ways
        else:
            assert fits


def test_lists_and_lines_have_a_greatest_length() -> None:
    header = Header({"texts": ["a", "bc"], "parts": [{"a": 1}, {}]})

    assert header.texts("texts", 2, 2) == ["a", "bc"]
    assert header.parts("parts", 2)[0].whole("a", 1, 1) == 1
    for read in (
        lambda: header.texts("texts", 1, 2),
        lambda: header.texts("texts", 2, 1),
        lambda: header.parts("parts", 1),
        lambda: header.parts("texts", 2),
    ):
        with pytest.raises(MisfitError):
            read()


@given(JSON)
def test_a_header_is_asked_for_anything_and_never_fails_in_another_way(value: Any) -> None:
    header = Header({"a": json.loads(json.dumps(value))})
    for read in (
        lambda: header.whole("a", -9, 9),
        lambda: header.number("a", -9.0, 9.0),
        lambda: header.flag("a"),
        lambda: header.text("a", 3),
        lambda: header.texts("a", 3, 3),
        lambda: header.parts("a", 3),
        lambda: header.require_shape("a", (1, 2)),
    ):
        try:
            read()
        except MisfitError as misfit:
            assert str(misfit).isprintable()  # noqa: PT017 - either is right
            assert len(str(misfit)) < 99  # noqa: PT017


@given(st.text())
def test_printable_text_stays_as_it_is_and_other_text_can_be_read(text: str) -> None:
    line = printable(text)

    assert line.isprintable()
    assert line == text or not text.isprintable()
    assert len(printable(text * 999)) <= MAX_TEXT
