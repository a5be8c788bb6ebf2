"""A library of reports, and decisions about it, whose truth is known because the test made them."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from typer.testing import CliRunner, Result

import pipeline.policies
from pipeline.outputs.report_json import REPORT_NAME, write
from pipeline.policies.read import find_policy
from pipeline.records import (
    CategorySummary,
    Judgement,
    ModelFacts,
    Outcome,
    Policy,
    Reason,
    ReasonKind,
    Report,
    Segment,
    Timings,
    Verdict,
)
from workers.cli import app

NAN = float("nan")
MODEL = ModelFacts("open-nsfw", "1", "ab" * 32, ("CPUExecutionProvider",))
NUDITY = (Path(pipeline.policies.__file__).parent / "nudity.toml").read_text(encoding="utf-8")
HEAD = ("video", "category", "decision", "sampled_by")


def heatreel(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def make_report(
    name: str,
    scores: dict[str, float],
    *,
    policy: Policy,
    reason: Reason | None = None,
    segments: Sequence[Segment] = (),
) -> Report:
    """Return the report of a video with these confidences; a reason makes it a review."""
    verdict = Verdict(Outcome.REVIEW, 0, (reason,)) if reason else Verdict(Outcome.PASS, 0, ())
    return Report(
        submission_id=f"sha256:{name}",
        tag="",
        source=Path(f"{name}.mp4"),
        video=None,
        model=MODEL,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        max_gap_ms=policy.max_gap_ms,
        judgement=Judgement(
            verdict,
            tuple(CategorySummary(name, score, 0.0, 0) for name, score in scores.items()),
            tuple(segments), (), (), 1.0, 1, 0,
        ),
        artifacts=(),
        timings=Timings(0, 0, 0),
    )  # fmt: skip


def error_report(name: str, policy: Policy) -> Report:
    """Return the report of a video that could not be judged."""
    reason = Reason(ReasonKind.UNREADABLE, detail="no video")
    report = make_report(name, {}, policy=policy, reason=reason)
    verdict = Verdict(Outcome.ERROR, 0, (reason,))
    return replace(report, judgement=replace(report.judgement, verdict=verdict))


class House:
    """A folder of outputs, decisions and a policy."""

    def __init__(self, folder: Path, text: str = NUDITY) -> None:
        self.folder, self.out = folder, folder / "out"
        self.decisions = folder / "decisions.csv"
        self.policy_path = folder / "policy.toml"
        self.policy_path.write_text(text, encoding="utf-8")
        self.policy = find_policy(str(self.policy_path))
        self.rows: list[tuple[str, ...]] = []

    def add(self, name: str, score: float, decision: str = "", sampled_by: str = "uniform") -> None:
        """Add a video of one category, and what was decided about it."""
        self.put(name, make_report(name, {self.policy.categories[0]: score}, policy=self.policy))
        if decision:
            self.rows.append((name, self.policy.categories[0], decision, sampled_by))

    def put(self, name: str, report: Report) -> None:
        (self.out / name).mkdir(parents=True)
        (self.out / name / REPORT_NAME).write_bytes(write(report))

    def fill(self, positives: int, negatives: int, *, lowest: float = 0.4) -> None:
        """Add uniformly sampled videos: removed from *lowest* on, allowed below 0.5."""
        for i, score in enumerate(np.linspace(lowest, 0.99, positives).round(7).tolist()):
            self.add(f"bad-{i}", score, "remove")
        for i, score in enumerate(np.linspace(0.01, 0.5, negatives).round(7).tolist()):
            self.add(f"good-{i}", score, "allow")

    def tune(self, *words: str | Path) -> Result:
        with self.decisions.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEAD, *self.rows])
        setup = ("--decisions", self.decisions, "--policy", self.policy_path)
        return heatreel("tune", self.out, *setup, *words)
