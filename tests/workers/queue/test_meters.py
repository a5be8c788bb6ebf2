"""What Prometheus is told of verdicts: each category that stands behind one, once."""

from prometheus_client import generate_latest

from pipeline.records import Outcome, Reason, ReasonKind, Verdict
from workers.queue.meters import note_verdict, registry


def told(category: str, outcome: str) -> float:
    line = f'heatreel_found_total{{category="{category}",outcome="{outcome}"}} '
    lines = generate_latest(registry).decode().splitlines()
    return sum(float(one.removeprefix(line)) for one in lines if one.startswith(line))


def test_a_category_counts_once_and_a_verdict_without_one_counts_too() -> None:
    reasons = [
        Reason(ReasonKind.THRESHOLD, category="gore", confidence=0.9),
        Reason(ReasonKind.UNCONFIRMED, category="gore", confidence=0.8),
        Reason(ReasonKind.COVERAGE),
    ]
    before = told("gore", "review"), told("none", "pass")
    note_verdict(Verdict(Outcome.REVIEW, 3, tuple(reasons)))
    note_verdict(Verdict(Outcome.PASS, 0, ()))

    assert (told("gore", "review"), told("none", "pass")) == (before[0] + 1, before[1] + 1)
