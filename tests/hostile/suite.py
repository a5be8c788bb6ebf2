"""The suite: every crafted file and mutant is judged, and what must never be is looked for."""

import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from av.container import InputContainer

from pipeline.errors import UnreadableVideoError
from pipeline.media.container import open_container
from pipeline.records import Outcome
from pipeline.scoring.session import Scorer
from tests.hostile.bombs import bomb_cases
from tests.hostile.broken import broken_cases
from tests.hostile.entries import entry_cases
from tests.hostile.forge import Crafted, Place, clip
from tests.hostile.hidden import hidden_cases
from tests.hostile.mutants import Seed, mutate
from tests.hostile.scripts import script_cases
from tests.hostile.streams import stream_cases
from tests.hostile.trial import LIMITS, Bench, Trial
from tests.hostile.watch import Bait, Listener, resident_bytes
from tests.hostile.witness import Testimony, Witness

SLOWEST_S = 10.0
SHOWN_MS = 1_000  # the policy's max_gap_ms: what is shown for so long has been sampled
BRIEF_MS = 500  # what is shown for less has mostly been: where pictures change, more are sampled
HIDDEN_MS = 500  # of less than this the sampler promises nothing
SETTLED_AFTER = 100  # mutants: by then everything is loaded and every buffer as large as it gets
MAX_GROWTH_BYTES = 32_000_000
LONGEST_REASON = 1_000


Opening = Callable[[Path], AbstractContextManager[InputContainer]]


@dataclass
class Tally:
    """What a run came to.

    Attributes:
        faults: a line each for what must never be; empty is well.
        counts: files by group and by what became of them.
        slowest: seconds and name of the file that took longest.
        contacts: how often the network was reached.
        bites: how often a file beside the uploads was opened or read.
        growth_bytes: of this process's memory.
        brief: names of passes in which a player shows the insert, for less than the policy's gap.
        unheard: passes of which the witness could say nothing: it crashed or gave up.
    """

    faults: list[str] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    contacts: int = 0
    bites: int = 0
    growth_bytes: int = 0
    brief: list[str] = field(default_factory=list)
    unheard: int = 0

    def lines(self) -> Iterator[str]:
        """Yield the table, line by line."""
        columns = ["pass", "review", "block", "error", "decoder died", "parent crashed"]
        yield f"{'':<12}{'files':>7}" + "".join(f"{name:>16}" for name in columns)
        for group, counts in self.counts.items():
            cells = "".join(f"{counts[name]:>16,}" for name in columns)
            yield f"{group:<12}{counts['files']:>7,}{cells}"
        slowest_s, name = self.slowest
        yield f"slowest: {slowest_s:.1f} s ({name})"
        yield f"the network was reached: {self.contacts} times"
        yield f"files beside the uploads were opened: {self.bites} times"
        yield f"the parent grew by {self.growth_bytes / 1e6:.1f} MB"
        yield f"passes with an insert of {BRIEF_MS} to {SHOWN_MS} ms: {len(self.brief)}"
        yield from (f"  {name}" for name in self.brief)
        yield f"passes at which the witness crashed or gave up: {self.unheard}"
        yield f"faults: {len(self.faults)}"


def crafted_cases() -> list[Crafted]:
    """Return every crafted file."""
    return [
        *script_cases(),
        *entry_cases(),
        *broken_cases(),
        *stream_cases(),
        *bomb_cases(),
        *hidden_cases(),
    ]


def _open_as_we_do(path: Path) -> AbstractContextManager[InputContainer]:
    return open_container(path, LIMITS)


class Suite:
    """A place where hostile files are judged and watched, one after another.

    Attributes:
        uploads: the folder where they lie.
        bench: what judges them.
        tally: what the run has come to so far.
    """

    def __init__(
        self, folder: Path, scorer: Scorer, *, open_script: Opening = _open_as_we_do
    ) -> None:
        """Make ready.

        Args:
            folder: where the uploads are written.
            scorer: the colour model.
            open_script: opens a script in this process, where no sandbox is in its way.
        """
        self._open_script = open_script
        self.uploads = folder / "uploads"
        self.uploads.mkdir(parents=True)
        self._scorer = scorer
        self._stack = ExitStack()
        self.tally = Tally()

    def __enter__(self) -> Self:
        bait = self.uploads / "bait.mkv"
        clip(bait)
        self._listener = self._stack.enter_context(Listener())
        self.bench = self._stack.enter_context(Bench(self._scorer))
        self._witness = self._stack.enter_context(Witness())
        self._bait = Bait([bait])
        self._stack.callback(self._bait.close)
        self._place = Place(bait, self._listener.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def try_crafted(self, case: Crafted) -> None:
        """Make a crafted file, judge it, and compare with what is right."""
        path = self.uploads / case.file_name
        _clear(path)
        case.make(path, self._place)
        self._expect_quiet(f"the making of {case.name}")  # the corpus itself opens no bait
        if case.is_script:
            self._probe_here(path, case.name)
        trial = self.judge(path, "crafted", case.name)
        if trial is not None:
            self._compare(trial, case)
            if trial.outcome is Outcome.PASS:
                self.ask_witness(path, trial, case.name, is_sound=False)
        _clear(path)

    def try_mutants(self, seeds: Sequence[Seed], numbers: Sequence[int], *, seed: int) -> None:
        """Judge mutants; what passes must have been seen, packet by packet."""
        settled_bytes = 0
        for done, number in enumerate(numbers):
            if done == SETTLED_AFTER:
                settled_bytes = resident_bytes()
            sound, content = mutate(list(seeds), number, seed=seed)
            path = self.uploads / f"mutant.{sound.extension}"
            path.write_bytes(content)
            name = f"mutant {number} of seed {seed} ({sound.name})"
            trial = self.judge(path, "mutants", name)
            if trial is not None and trial.outcome is Outcome.PASS:
                self.ask_witness(path, trial, name, is_sound=True)
            path.unlink()
        if settled_bytes:
            self.tally.growth_bytes = max(0, resident_bytes() - settled_bytes)
            if self.tally.growth_bytes > MAX_GROWTH_BYTES:
                self._fault(f"the parent grew by {self.tally.growth_bytes / 1e6:.0f} MB")

    def judge(self, path: Path, group: str, name: str) -> Trial | None:
        """Judge a file and count what becomes of it; None where this process crashed."""
        counts = self.tally.counts.setdefault(group, Counter())
        counts["files"] += 1
        try:
            trial = self.bench.judge(path)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            counts["parent crashed"] += 1
            self._fault(f"{name}: the parent crashed\n{traceback.format_exc()}")
            return None
        counts[str(trial.outcome)] += 1
        counts["decoder died"] += trial.has_killed
        self.tally.slowest = max(self.tally.slowest, (trial.took_s, name))
        if trial.took_s > SLOWEST_S:
            self._fault(f"{name}: took {trial.took_s:.1f} s")
        for reason in trial.reasons:
            if not reason.detail.isprintable() or len(reason.detail) > LONGEST_REASON:
                self._fault(f"{name}: a reason that is no line for people: {reason.detail!r}")
        self._expect_quiet(name)
        return trial

    def ask_witness(self, path: Path, trial: Trial, name: str, *, is_sound: bool) -> None:
        """Compare a pass with what a player shows: nothing planted, and nothing lost on the way."""
        said = self._witness.play(path)
        if said is None:
            self.tally.unheard += 1
            return
        if BRIEF_MS <= said.coloured_ms < SHOWN_MS:
            self.tally.brief.append(name)
        if said.coloured_ms >= SHOWN_MS:
            self._fault(f"{name}: passed, and a player shows {said.coloured_ms} ms of the insert")
        if is_sound and (lost := _lost(trial, said)):
            self._fault(f"{name}: passed, and {lost}")

    def _compare(self, trial: Trial, case: Crafted) -> None:
        is_right = trial.outcome in case.allowed
        if is_right and case.kinds and trial.outcome is not Outcome.PASS:
            is_right = bool(trial.kinds & case.kinds)
        if not is_right:
            wanted = " or ".join(sorted(case.allowed | case.kinds))
            self._fault(f"{case.name}: {trial.words}, wanted {wanted}")

    def _probe_here(self, path: Path, name: str) -> None:
        """Open a script in this process, in its own folder: no sandbox stands in its way."""
        try:
            with chdir(self.uploads), self._open_script(path) as container:
                for _ in container.demux():
                    pass
        except UnreadableVideoError:
            pass
        else:
            self._fault(f"{name}: was opened as a video")
        self._expect_quiet(f"{name}, without a sandbox")

    def _expect_quiet(self, name: str) -> None:
        """Find a fault if a bait was taken or the network was reached since the last call."""
        bites, contacts = self._bait.count(), self._listener.count() - self.tally.contacts
        self.tally.bites += bites
        self.tally.contacts += contacts
        if bites:
            self._fault(f"{name}: a file was opened that nobody handed in")
        if contacts:
            self._fault(f"{name}: the network was reached")

    def _fault(self, line: str) -> None:
        self.tally.faults.append(line)


def _lost(trial: Trial, said: Testimony) -> str:
    """Say what a pass has not seen of the packets that a player finds; nothing if all was seen."""
    if trial.packets < said.packets:
        return f"only {trial.packets} of {said.packets} packets were looked at"
    if said.hidden_ms > HIDDEN_MS:
        return f"for {said.hidden_ms} ms a player shows none of the packets' frames"
    return ""


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
