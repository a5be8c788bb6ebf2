"""A short run of the hostile suite (`make hostile` is the long one), and that it would notice."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import av
import pytest
from av.container import InputContainer

from pipeline.records import Outcome
from pipeline.scoring.session import Scorer
from tests.hostile.forge import DOUBTED, INSERT, Crafted, Place, clip
from tests.hostile.mutants import Seed, make_seeds, mutate
from tests.hostile.scripts import TEXTS, script_cases
from tests.hostile.suite import Suite, crafted_cases
from tests.hostile.watch import Bait, Listener
from tests.hostile.witness import Witness

MUTANTS = 150


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Seed]:
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def suite(tmp_path: Path, colour: Scorer) -> Iterator[Suite]:
    with Suite(tmp_path, colour) as running:
        yield running


def test_there_are_many_crafted_files_each_with_a_name_of_its_own() -> None:
    names = [case.name for case in crafted_cases()]

    assert len(set(names)) == len(names) >= 200
    assert len(TEXTS) >= 40


@pytest.mark.soak
def test_no_crafted_file_gets_through(suite: Suite) -> None:
    for case in crafted_cases():
        suite.try_crafted(case)

    assert suite.tally.faults == []
    assert suite.tally.counts["crafted"]["pass"] > 0


@pytest.mark.slow
def test_no_mutant_gets_through(suite: Suite, seeds: list[Seed]) -> None:
    suite.try_mutants(seeds, range(MUTANTS), seed=7)

    assert suite.tally.faults == []
    assert suite.tally.counts["mutants"]["files"] == MUTANTS


def test_a_mutant_is_the_same_every_time(seeds: list[Seed]) -> None:
    assert mutate(seeds, 42, seed=1) == mutate(seeds, 42, seed=1) != mutate(seeds, 42, seed=2)


def test_sound_videos_are_judged_by_what_they_show(suite: Suite, seeds: list[Seed]) -> None:
    for sound in seeds:
        outcome = Outcome.REVIEW if sound.name.endswith("-marked") else Outcome.PASS
        make = partial(_write, sound.content)
        suite.try_crafted(Crafted(sound.name, f"a.{sound.extension}", make, frozenset({outcome})))

    assert suite.tally.faults == []


def test_an_expectation_that_is_not_met_is_a_fault(suite: Suite) -> None:
    suite.try_crafted(Crafted("clean", "a.mp4", _write_clean, DOUBTED))

    assert suite.tally.faults == ["clean: pass, wanted error or review"]


def test_a_pass_of_what_a_player_shows_is_a_fault(suite: Suite) -> None:
    """A witness that sees the insert speaks against a pass, be the pass expected or not."""
    marked, clean = suite.uploads / "marked.mp4", suite.uploads / "clean.mp4"
    clip(marked, INSERT)
    clip(clean)
    trial = suite.bench.judge(clean)

    suite.ask_witness(marked, trial, "marked", is_sound=True)
    suite.ask_witness(clean, trial, "clean", is_sound=True)

    assert suite.tally.faults == ["marked: passed, and a player shows 1200 ms of the insert"]


def test_a_loss_that_nobody_speaks_of_is_a_fault(suite: Suite) -> None:
    path = suite.uploads / "a.mp4"
    clip(path)
    trial = suite.bench.judge(path)
    longer = suite.uploads / "b.h264"
    longer.write_bytes(clip(suite.uploads / "c.h264") * 2)

    suite.ask_witness(longer, trial, "longer", is_sound=True)

    assert suite.tally.faults == ["longer: passed, and only 20 of 40 packets were looked at"]


def test_without_the_lists_of_formats_and_protocols_a_script_opens_what_it_names(
    tmp_path: Path, colour: Scorer
) -> None:
    """In this process; the child has the sandbox, too."""
    (case,) = [case for case in script_cases() if case.name == "concat-beside"]
    with Suite(tmp_path, colour, open_script=_open_laxly) as lax:
        lax.try_crafted(case)

    assert lax.tally.bites > 0
    assert any("was opened that nobody handed in" in fault for fault in lax.tally.faults)


def test_bait_that_is_taken_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("bait")
    bait = Bait([tmp_path / "a"])
    assert bait.count() == 0

    (tmp_path / "a").read_text()

    assert bait.count() > 0
    bait.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_contact_is_noticed(kind: socket.SocketKind) -> None:
    with Listener() as listener, socket.socket(socket.AF_INET, kind) as line:
        assert listener.count() == 0
        line.connect(("127.0.0.1", listener.port))
        line.send(b"a")
        while listener.count() == 0:
            pass

        assert listener.count() == 1


def test_a_witness_says_what_is_shown_and_outlives_what_it_cannot_play(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"no video")
    clip(tmp_path / "a.mp4", INSERT)
    with Witness() as witness:
        nothing, shown = witness.play(tmp_path / "b"), witness.play(tmp_path / "a.mp4")

    assert nothing is not None
    assert nothing.frames == 0
    assert shown is not None
    assert (shown.packets, shown.frames, shown.hidden_ms, shown.coloured_ms) == (20, 20, 0, 1_200)


@contextmanager
def _open_laxly(path: Path) -> Iterator[InputContainer]:
    with path.open("rb") as file, av.open(file, mode="r") as container:
        yield container


def _write(content: bytes, path: Path, _place: Place) -> None:
    path.write_bytes(content)


def _write_clean(path: Path, _place: Place) -> None:
    clip(path)
