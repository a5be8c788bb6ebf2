"""What was measured, as rows of Markdown tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.records import Examination
from tests.bench.footage import Clip
from tests.bench.once import Cost, Task, Way

SPEED_HEADER = (
    "video", "max_gap_ms", "examined by", "scored", "chain, CPU s", "user, CPU s", "user / chain",
    "aim", "floor: decode + score", "chain / floor", "drawing, ms",
)  # fmt: skip
OVERLAP_HEADER = (
    "video", "threads", "decode, CPU s", "score, CPU s", "together", "wall s",
)  # fmt: skip
MEMORY_HEADER = ("video", "max_gap_ms", "examined by", "scored", "CPU s", "wall s", "peak, MB")


@dataclass(frozen=True, slots=True)
class Case:
    """A clip under a policy.

    Attributes:
        clip: which.
        max_gap_ms: the policy's.
        examination: the policy's.
        aim: how many times less CPU than the user is aimed at; 0 = no aim.
    """

    clip: Clip
    max_gap_ms: int
    examination: Examination
    aim: int = 0

    @property
    def chain(self) -> Task:
        """The chain's task."""
        return Task(Way.CHAIN, self.clip.path, self.max_gap_ms, self.examination)

    @property
    def floor(self) -> Task:
        """The floor's task."""
        return replace(self.chain, way=Way.FLOOR)

    @property
    def user(self) -> Task:
        """The user's task, who knows of no policy: the same for every case of a clip."""
        return Task(Way.USER, self.clip.path)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All three, the chain first."""
        return self.chain, self.floor, self.user


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, numbers to the right."""
    rule = ["---", *("---:" for _ in header[1:])]
    lines = [header, rule, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def speed_row(case: Case, costs: dict[Task, Cost]) -> tuple[str, ...]:
    """Return what the chain took beside the user and the floor."""
    chain, floor, user = (costs[task] for task in case.tasks)
    return (
        *_of_case(case),
        str(chain.frames),
        f"{chain.cpu_s:.2f}",
        f"{user.cpu_s:.1f}",
        f"{user.cpu_s / chain.cpu_s:.1f}",
        f"≥ {case.aim}" if case.aim else "",
        f"{floor.decode_s:.2f} + {floor.cpu_s - floor.decode_s:.2f}",
        f"{chain.cpu_s / floor.cpu_s:.2f}",
        f"{1000 * chain.draw_s:.0f}",
    )


def overlap_row(case: Case, threads: int, cost: Cost) -> tuple[str, ...]:
    """Return how much less time went by than the decoder and the scorer took one by one."""
    return (
        case.clip.name,
        str(threads),
        f"{cost.decode_s:.2f}",
        f"{cost.cpu_s - cost.decode_s:.2f}",
        f"{cost.cpu_s:.2f}",
        f"{cost.wall_s:.2f}",
    )


def memory_row(case: Case, cost: Cost) -> tuple[str, ...]:
    """Return how much memory the chain took at most."""
    return (
        *_of_case(case),
        str(cost.frames),
        f"{cost.cpu_s:.1f}",
        f"{cost.wall_s:.1f}",
        f"{cost.peak_mb:.0f}",
    )


def _of_case(case: Case) -> tuple[str, str, str]:
    return case.clip.name, f"{case.max_gap_ms:,}", case.examination.value
