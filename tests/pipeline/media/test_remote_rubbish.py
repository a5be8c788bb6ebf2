"""A child that speaks nonsense: an error that says so, or nothing where nobody listens."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import DecoderDiedError
from pipeline.media.answers import end_answer, frame_answer
from pipeline.media.looks import Looker
from pipeline.media.probe_answer import video_answer
from pipeline.media.remote import DecoderProcess, RemoteLooker
from pipeline.media.wire import Answer, pack_answer
from pipeline.records import DamageKeys, Look
from tests.pipeline.media.media_parts import LIMITS, budget
from tests.pipeline.media.remote_parts import (
    PATIENCE_S,
    assert_same_frames,
    assert_same_video,
    looker_at,
    stand_in,
    write_b_frames,
)

# Says what it is told to, whatever it is asked, and stays.
PARROT = "import os, sys, time; os.write(1, bytes.fromhex(sys.argv[1])); time.sleep(600)"
END = Answer({**end_answer(DamageKeys(), None).header, "cpu_s": 0.5})


@pytest.fixture
def looker(tmp_path: Path) -> Looker:
    write_b_frames(tmp_path / "a.mp4")
    return looker_at(tmp_path / "a.mp4")


def parrot(*answers: Answer | bytes) -> DecoderProcess:
    """A child that answers anything with this."""
    packed = [one if isinstance(one, bytes) else pack_answer(one) for one in answers]
    command = stand_in(PARROT, b"".join(packed).hex())
    return DecoderProcess(silence_s=PATIENCE_S, command=command)


def timed(answer: Answer, **changes: object) -> Answer:
    return replace(answer, header={**answer.header, "cpu_s": 0.5, **changes})


def some_frame(looker: Looker) -> tuple[list[int], Answer]:
    """A frame as it is sent, and what to ask for to get it."""
    pts = [int(looker.index.shown_pts[3])]
    return pts, timed(frame_answer(next(looker.second_look(pts, Look.EDGE))))


def test_a_parrot_that_says_the_right_thing_is_believed(looker: Looker) -> None:
    """So each of the cases below is refused for what is wrong with it."""
    pts, frame = some_frame(looker)
    with parrot(timed(Answer({"kind": "alive"})), frame, END) as decoder:
        frames = list(RemoteLooker(decoder, looker).second_look(pts, Look.EDGE))
        assert_same_frames(frames, list(looker.second_look(pts, Look.EDGE)))
        assert decoder.cpu_s() == 0.5
    with parrot(timed(video_answer(looker.video, LIMITS)), END) as decoder:
        video = decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
        assert_same_video(video, looker.video)


RUBBISH = {
    "rubbish": b"Traceback (most recent call last):",
    "a-huge-header": b"\xff\xff\xff\xff",
    "no-json": b"\0\0\0\x02{]",
    "deep-json": b"\0\0\x40\0" + b"[" * 0x4000,
    "a-list": b"\0\0\0\x02[]",
    "zeros": bytes(4_096),
    "another-kind": timed(Answer({"kind": "pickle"})),
    "no-kind": Answer({"cpu_s": 0.5}),
    "no-cpu-time": Answer({"kind": "alive"}),
    "endless-cpu-time": timed(Answer({"kind": "alive"}), cpu_s=1e300),
    "time-that-goes-back": pack_answer(timed(Answer({"kind": "alive"})))
    + pack_answer(timed(Answer({"kind": "alive"}), cpu_s=0.1)),
    "an-unknown-failure": timed(END, failure="SystemExit"),
}


@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH)
def test_rubbish(answer: Answer | bytes, looker: Looker) -> None:
    with parrot(answer, END) as decoder:
        with pytest.raises(DecoderDiedError, match=r"sent what does not fit .*, at .*a\.mp4"):
            decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
        with pytest.raises(DecoderDiedError, match="sent what does not fit"):
            list(RemoteLooker(decoder, looker).second_look([], Look.EDGE))
        assert decoder.pid is None


def test_answers_that_belong_to_something_else(looker: Looker) -> None:
    pts, frame = some_frame(looker)
    video = timed(video_answer(looker.video, LIMITS))
    with parrot(END) as decoder, pytest.raises(DecoderDiedError, match="neither"):
        decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
    with parrot(video, video, END) as decoder, pytest.raises(DecoderDiedError, match="second"):
        decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
    with parrot(frame, END) as decoder, pytest.raises(DecoderDiedError, match="another kind"):
        decoder.probe(looker.video.path, limits=LIMITS, budget=budget())
    with parrot(video, END) as decoder, pytest.raises(DecoderDiedError, match="another kind"):
        list(RemoteLooker(decoder, looker).second_look(pts, Look.EDGE))
    other = timed(frame, pixels=[9, 9, 3])
    with parrot(other, END) as decoder, pytest.raises(DecoderDiedError, match="pixels is not"):
        list(RemoteLooker(decoder, looker).second_look(pts, Look.EDGE))


def test_rubbish_that_nobody_waits_for_is_no_error(looker: Looker) -> None:
    """Whoever leaves a look early wants no more of it, be it right or wrong."""
    pts, frame = some_frame(looker)
    with parrot(frame, b"\xff\xff\xff\xff") as decoder:
        frames = RemoteLooker(decoder, looker).second_look(pts, Look.EDGE)
        next(frames)
        frames.close()
        assert decoder.pid is None


@pytest.mark.slow
def test_a_child_that_does_not_stop_is_ended(looker: Looker) -> None:
    pts, frame = some_frame(looker)
    lively = (
        "import os, sys\n"
        "os.write(1, bytes.fromhex(sys.argv[1]))\n"
        "while True: os.write(1, bytes.fromhex(sys.argv[2]))"
    )
    alive = timed(Answer({"kind": "alive"}))
    command = stand_in(lively, pack_answer(frame).hex(), pack_answer(alive).hex())
    with DecoderProcess(silence_s=PATIENCE_S, command=command) as decoder:
        frames = RemoteLooker(decoder, looker).second_look(pts, Look.EDGE)
        next(frames)
        frames.close()
        assert decoder.pid is None


# Begins an answer, and says that it is at the end as soon as it is stopped.
HALF = """
import os, sys
def read(count):
    content = b""
    while len(content) < count:
        content += os.read(0, count - len(content))
    return content
read(int.from_bytes(read(8)[4:]))
os.write(1, bytes(3))
read(8)
os.write(1, bytes.fromhex(sys.argv[1]))
read(1)
"""


def test_an_interrupt_in_the_midst_of_an_answer_ends_the_child(looker: Looker) -> None:
    """What is left of the answer could be taken for the next."""
    command = stand_in(HALF, pack_answer(END).hex())
    with DecoderProcess(silence_s=PATIENCE_S, command=command) as one:
        previous = signal.signal(signal.SIGALRM, _interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(KeyboardInterrupt):
                one.probe(looker.video.path, limits=LIMITS, budget=budget())
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert one.pid is None


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
