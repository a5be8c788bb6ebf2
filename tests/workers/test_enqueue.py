"""`heatreel enqueue`: what it refuses, and what it exits with once it has waited."""

from collections.abc import Iterator

import pytest

from tests.workers.queue.process_parts import PATIENCE_S, Process, started, wait_until
from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_runner import due_steps


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("enqueue")
    made = House(folder / "house", f"sqlite:///{folder / 'heatreel.db'}")
    yield made
    made.close()


def ended(house: House, *words: str) -> tuple[int, str]:
    """Run a command; return its exit code, and what it said."""
    with started(house, *words) as process:
        return process.process.wait(PATIENCE_S), said_by(process)


def said_by(process: Process) -> str:
    return process.log.read_text(encoding="utf-8")


def judge_all(house: House) -> None:
    wait_until(lambda: due_steps(house))
    runner = house.runner()
    for step_id in due_steps(house):
        runner.run(step_id)


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (["plain.mp4"], 0, ["pass"]),
        (["magenta.mp4"], 1, ["review"]),
        (["broken.mp4"], 4, ["error"]),
        (["there-is-none.mp4"], 4, ["error"]),
        (["plain.mp4", "broken.mp4", "magenta.mp4"], 4, ["pass", "error", "review"]),
    ],
)
def test_who_waits_is_told_as_a_scan_tells(
    house: House, names: list[str], code: int, said: list[str]
) -> None:
    paths = [str(house.clips / name) for name in names]
    with started(house, "enqueue", "--wait", "--tag", "x", *paths) as process:
        wait_until(lambda: said_by(process).count("\n") >= len(names))
        if due_steps(house):
            judge_all(house)
        assert process.process.wait(PATIENCE_S) == code
        outcomes = [line.split()[-1] for line in said_by(process).splitlines()[len(names) :]]

    assert outcomes == said


def test_a_path_may_lead_over_the_folder_above(house: House) -> None:
    code, said = ended(house, "enqueue", f"{house.clips}/../clips/plain.mp4")

    assert code == 0
    assert "plain.mp4" in said


@pytest.mark.parametrize(
    "words",
    [("--tag", "a\x1b[2Jb"), ("--tag", "x" * 501), ("--policy", "of nobody")],
    ids=["control", "long", "policy"],
)
def test_what_cannot_be_had_is_told_in_one_line(house: House, words: tuple[str, str]) -> None:
    code, said = ended(house, "enqueue", *words, str(house.clips / "plain.mp4"))

    assert code == 2
    assert said.count("\n") == 1
    assert said.startswith("heatreel: ")
    assert "\x1b" not in said
