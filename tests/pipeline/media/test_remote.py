"""Decoding in a child: what comes back is what this process would have decoded itself."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline.ahead import Stopwatch
from pipeline.errors import (
    DecoderDiedError,
    LimitExceededError,
    PermanentError,
    UnreadableVideoError,
)
from pipeline.media.decode import CpuBudget
from pipeline.media.looks import AnyLooker
from pipeline.media.remote import DecoderProcess, RemoteLooker
from pipeline.media.video import probe
from pipeline.records import DamageKeys, Frame, Limits, Look, Span
from pipeline.scoring.session import Scorer
from pipeline.watch import Watched, Watcher
from tests.pipeline.media.media_parts import LIMITS, budget
from tests.pipeline.media.remote_parts import (
    KINDS,
    PATIENCE_S,
    assert_same_frames,
    assert_same_video,
    first_pts,
    looker_at,
    until_idle,
    write_b_frames,
    write_kind,
)


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderProcess]:
    """A child for many tests: what one does must not touch the next."""
    with DecoderProcess(silence_s=PATIENCE_S) as process:
        yield process


@pytest.fixture
def film_path(tmp_path: Path) -> Path:
    write_b_frames(tmp_path / "a.mp4")
    return tmp_path / "a.mp4"


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_finds_what_it_finds_in_this_process(
    kind: str, decoder: DecoderProcess, tmp_path: Path
) -> None:
    path = write_kind(kind, tmp_path)

    there = decoder.probe(path, limits=LIMITS, budget=budget())

    assert_same_video(there, probe(path, limits=LIMITS, budget=budget()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_looks_give_back_the_frames_that_they_give_in_this_process(
    kind: str, decoder: DecoderProcess, tmp_path: Path
) -> None:
    path = write_kind(kind, tmp_path)
    here, there = looker_at(path), looker_at(path)
    remote = RemoteLooker(decoder, there)
    wanted = here.index.shown_pts[::7].tolist()

    assert_same_frames(list(remote.first_look(remote.plan())), list(here.first_look(here.plan())))
    assert_same_frames(
        list(remote.second_look(wanted, Look.EDGE)), list(here.second_look(wanted, Look.EDGE))
    )
    assert there.damage.keys == here.damage.keys
    assert (here.damage.keys != DamageKeys()) == (kind == "damaged")


def test_a_chunk_and_another_stream_are_looked_at_like_the_whole(
    decoder: DecoderProcess, tmp_path: Path
) -> None:
    path = write_kind("two-streams", tmp_path)
    here = looker_at(path, stream=1)
    remote = RemoteLooker(decoder, here)
    plan = remote.plan_within(Span(1_500, 4_000))

    frames = list(remote.first_look(plan))

    assert plan == here.plan_within(Span(1_500, 4_000))
    assert_same_frames(frames, list(here.first_look(plan)))
    assert frames


def test_no_wanted_frames_are_none(decoder: DecoderProcess, film_path: Path) -> None:
    assert list(RemoteLooker(decoder, looker_at(film_path)).second_look([], Look.CONFIRM)) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.mp4", b"", id="empty"),
        pytest.param("a.mp4", b"hello\n" * 999, id="text"),
        pytest.param("missing.mp4", None, id="missing"),
        pytest.param("a\0.mp4", None, id="null-byte"),
    ],
)
def test_what_is_no_video_is_refused_in_the_same_words(
    name: str, content: bytes | None, decoder: DecoderProcess, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert_same_refusal(decoder, path, LIMITS, UnreadableVideoError)


@pytest.mark.parametrize(
    "limit", [{"max_pixels": 99}, {"max_duration_ms": 5_999}, {"max_frames": 119}], ids=str
)
def test_what_is_over_a_limit_is_refused_in_the_same_words(
    limit: dict[str, int], decoder: DecoderProcess, film_path: Path
) -> None:
    wide = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}

    assert_same_refusal(decoder, film_path, Limits(**{**wide, **limit}), LimitExceededError)


def assert_same_refusal(
    decoder: DecoderProcess, path: Path, limits: Limits, kind: type[PermanentError]
) -> None:
    with pytest.raises(kind) as here:
        probe(path, limits=limits, budget=budget())
    with pytest.raises(kind) as there:
        decoder.probe(path, limits=limits, budget=budget())
    assert str(there.value) == str(here.value)


def test_a_path_need_not_be_text(decoder: DecoderProcess, film_path: Path) -> None:
    path = Path(os.fsdecode(bytes(film_path.parent) + b"/\xff\xfe.mp4"))
    film_path.rename(path)

    video = decoder.probe(path, limits=LIMITS, budget=budget())

    assert video.path == path
    looker = looker_at(path)
    assert list(RemoteLooker(decoder, looker).second_look(first_pts(looker), Look.EDGE))


def test_a_path_may_be_relative_to_where_the_worker_stands_now(
    decoder: DecoderProcess, film_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder.probe(film_path, limits=LIMITS, budget=budget())
    monkeypatch.chdir(film_path.parent)

    video = decoder.probe(Path("a.mp4"), limits=LIMITS, budget=budget())
    looker = replace(looker_at(film_path), video=video, index=video.streams[0])

    assert video.path == Path("a.mp4")
    assert list(RemoteLooker(decoder, looker).second_look(first_pts(looker), Look.EDGE))


def test_one_child_serves_one_request_after_another(film_path: Path) -> None:
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        assert decoder.pid is None
        looker = looker_at(film_path)
        remote, wanted = RemoteLooker(decoder, looker), first_pts(looker)
        assert len(list(remote.second_look(wanted, Look.EDGE))) == 1
        first = decoder.pid
        with pytest.raises(UnreadableVideoError):
            decoder.probe(film_path.parent, limits=LIMITS, budget=budget())
        assert len(list(remote.second_look(wanted, Look.EDGE))) == 1
        assert decoder.pid == first


def test_a_look_that_is_left_early_leaves_the_child_ready(
    decoder: DecoderProcess, film_path: Path
) -> None:
    here = looker_at(film_path)
    remote = RemoteLooker(decoder, looker_at(film_path))
    wanted = here.index.shown_pts.tolist()
    frames = remote.second_look(wanted, Look.EDGE)
    next(frames)
    before = decoder.pid

    frames.close()

    assert_same_frames(
        list(remote.second_look(wanted[:9], Look.EDGE)),
        list(here.second_look(wanted[:9], Look.EDGE)),
    )
    assert decoder.pid == before


def test_a_child_whose_look_was_left_does_not_decode_to_the_end(
    decoder: DecoderProcess, tmp_path: Path
) -> None:
    """Each look costs CPU seconds, as the child itself counts them: one left early, far fewer."""
    write_b_frames(tmp_path / "a.mp4")
    remote = RemoteLooker(decoder, looker_at(tmp_path / "a.mp4"))
    wanted = remote.index.shown_pts.tolist()
    began_s = decoder.cpu_s()
    list(remote.second_look(wanted, Look.EDGE))
    whole_s = decoder.cpu_s() - began_s

    frames = remote.second_look(wanted, Look.EDGE)
    next(frames)
    frames.close()

    assert decoder.cpu_s() - began_s - whole_s < whole_s / 2


def test_a_new_request_ends_a_look_that_nobody_closed(
    decoder: DecoderProcess, film_path: Path
) -> None:
    remote = RemoteLooker(decoder, looker_at(film_path))
    wanted = remote.index.shown_pts.tolist()
    held = remote.second_look(wanted, Look.EDGE)
    next(held)

    assert len(list(remote.second_look(wanted, Look.EDGE))) == len(wanted)
    with pytest.raises(ValueError, match="before the next request"):
        next(held)


def test_a_look_that_was_not_begun_asks_for_nothing(film_path: Path) -> None:
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        RemoteLooker(decoder, looker_at(film_path)).second_look([0], Look.EDGE)

        assert decoder.pid is None


def test_the_child_works_ahead_by_a_few_frames_at_most(film_path: Path) -> None:
    """What is read after the child was killed is all that it had made: the line's buffer full."""
    with DecoderProcess(silence_s=PATIENCE_S) as decoder:
        remote = RemoteLooker(decoder, looker_at(film_path))
        frames = remote.second_look(remote.index.shown_pts.tolist(), Look.EDGE)
        next(frames)
        until_idle(decoder.pid)
        psutil.Process(decoder.pid).kill()

        assert 1 <= sum(1 for _ in before_death(frames)) < 40


def before_death(frames: Iterator[Frame]) -> Iterator[Frame]:
    with pytest.raises(DecoderDiedError, match="SIGKILL"):
        yield from frames


def test_damage_adds_up_and_the_same_thing_counts_once(
    decoder: DecoderProcess, tmp_path: Path
) -> None:
    looker = looker_at(write_kind("damaged", tmp_path))
    remote = RemoteLooker(decoder, looker)
    looker.damage.mar(7, 7)

    for _ in range(2):
        list(remote.first_look(remote.plan()))

    here = looker_at(looker.video.path)
    list(here.first_look(here.plan()))
    assert looker.damage.keys.marred == here.damage.keys.marred | {(7, 7)}
    assert looker.damage.keys.lost == here.damage.keys.lost


def test_a_look_that_is_left_early_counts_the_damage_so_far(
    decoder: DecoderProcess, tmp_path: Path
) -> None:
    looker = looker_at(write_kind("damaged", tmp_path))
    frames = RemoteLooker(decoder, looker).second_look(looker.index.shown_pts.tolist(), Look.EDGE)
    for _ in range(9):
        next(frames)

    frames.close()

    assert looker.damage.keys != DamageKeys()


@pytest.mark.parametrize("spent_s", [0.0, 5.0, 10.1])
def test_the_child_keeps_to_what_is_left_of_the_cpu_budget(
    spent_s: float, decoder: DecoderProcess, film_path: Path
) -> None:
    """What the worker's own clock shows counts, too."""
    clock = iter([0.0, spent_s])
    looker = looker_at(film_path, bound=CpuBudget(10.0, lambda: next(clock)))

    frames = RemoteLooker(decoder, looker).second_look(first_pts(looker), Look.EDGE)

    if spent_s > 10.0:
        with pytest.raises(LimitExceededError, match="more than 10 CPU seconds"):
            list(frames)
    else:
        assert len(list(frames)) == 1


def test_a_budget_can_count_what_the_children_spend(
    decoder: DecoderProcess, film_path: Path
) -> None:
    began_s = decoder.cpu_s()
    bound = CpuBudget(LIMITS.max_cpu_s, decoder.cpu_s)
    remote = RemoteLooker(decoder, looker_at(film_path, bound=bound))

    list(remote.first_look(remote.plan()))

    assert bound.began_s == began_s
    assert bound.clock_s() > began_s


def test_both_kinds_of_looker_are_lookers(decoder: DecoderProcess, film_path: Path) -> None:
    here = looker_at(film_path)
    lookers: list[AnyLooker] = [here, RemoteLooker(decoder, here)]

    assert all(one.video is here.video and one.index is here.index for one in lookers)
    assert all(one.policy is here.policy for one in lookers)


def test_a_watcher_sees_the_same_through_a_child(
    decoder: DecoderProcess, colour: Scorer, tmp_path: Path
) -> None:
    """It takes frames on threads that come and go, and goes back to peaks and edges."""
    write_b_frames(tmp_path / "a.mp4")
    size = colour.manifest.input.geometry
    here, there = (looker_at(tmp_path / "a.mp4", geometry=size) for _ in range(2))
    clock = Stopwatch(decoder.cpu_s)
    span = Span(0, here.video.facts.duration_ms)

    seen = Watcher(span, here, colour, Stopwatch(time.thread_time)).watch(lambda _: None)
    remote = RemoteLooker(decoder, there)
    seen_there = Watcher(span, remote, colour, clock).watch(lambda _: None)

    assert_same_watched(seen_there, seen)
    assert set(seen.frames.looks.tolist()) == {Look.FIRST, Look.CONFIRM, Look.EDGE}
    assert clock.total_s > 0


def assert_same_watched(one: Watched, other: Watched) -> None:
    assert one.thumbnails.jpegs == other.thumbnails.jpegs
    for name in ("timestamps_ms", "pts", "looks", "gates", "scores"):
        np.testing.assert_array_equal(getattr(one.frames, name), getattr(other.frames, name))
    assert one.frames.examined == other.frames.examined
