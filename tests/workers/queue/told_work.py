"""Work that does as it is told: what runners and leases make of it is what tests are about."""

from collections.abc import Callable

from pipeline.records import Outcome, Reason, ReasonKind, Verdict
from tests.workers.queue.queue_parts import WORKER, House
from tests.workers.store.store_parts import TIMINGS, planned
from workers.queue.leases import Lease, Leases
from workers.queue.runner import StepRunner
from workers.store.records import Run, RunState, StepKind, Submission
from workers.store.steps import Claimant, Planned, Scored
from workers.store.verdicts import Filing

Deed = Callable[[Lease], object]


class ToldWork:
    """Work on no video at all: two chunks, which pass.

    Attributes:
        deeds: what is done first in a kind of step, where anything is.
        done: the kinds of step that were begun, in their order.
    """

    def __init__(self, **deeds: Deed) -> None:
        self.deeds = {StepKind(kind): deed for kind, deed in deeds.items()}
        self.done: list[StepKind] = []

    def plan(self, _run: Run, _submission: Submission, lease: Lease) -> Planned:
        self._begin(StepKind.PLAN, lease)
        return planned(2)

    def chunk(self, _run: Run, _submission: Submission, lease: Lease) -> Scored:
        self._begin(StepKind.CHUNK, lease)
        name = f"chunk-{lease.step.chunk}.bin"
        return Scored(name, 10, ("CPUExecutionProvider",), TIMINGS, is_flagged=False)

    def judge(self, run: Run, _submission: Submission, lease: Lease) -> Filing:
        self._begin(StepKind.JUDGE, lease)
        verdict = Verdict(Outcome.PASS, 0, ())
        if run.fault is not None:
            verdict = Verdict(Outcome.ERROR, 0, (Reason(ReasonKind.UNREADABLE, detail=run.fault),))
        return Filing(verdict, "{}", None, RunState.DONE, WORKER)

    def _begin(self, kind: StepKind, lease: Lease) -> None:
        self.done.append(kind)
        if kind in self.deeds:
            self.deeds[kind](lease)


def runner_of(house: House, work: ToldWork, leases: Leases | None = None) -> StepRunner:
    claimant = Claimant(WORKER, frozenset(StepKind), house.settings.terms)
    return StepRunner(house.service, work, leases or Leases(house.service), claimant)
