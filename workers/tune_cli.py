"""The command line of tuning; what it does is in `workers.tune_commands`."""

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline.learning.costs import Costs, Team
from pipeline.learning.tuning import Aims
from workers import tune_commands
from workers.commands import run_safely

tuning = typer.Typer()

LEAST, MOST = 1e-6, 1 - 1e-6

Out = Annotated[Path, typer.Argument(help="The folder that `heatreel scan --out` wrote.")]
Decisions = Annotated[
    Path,
    typer.Option(
        help="CSV: video (submission id or folder name), category, decision (allow|remove), "
        "sampled_by (uniform|review|other) and, if need be, probability."
    ),
]
PolicyName = Annotated[
    str, typer.Option(help="A policy that comes with Heatreel, or a policy file.")
]
Missed = Annotated[
    float, typer.Option(min=LEAST, max=MOST, help="Share of removals that may be missed.")
]
Certain = Annotated[
    float, typer.Option(min=LEAST, max=MOST, help="That all guarantees hold at once.")
]
ReviewS = Annotated[float, typer.Option(min=LEAST, max=1e9, help="Seconds of a review.")]
MissS = Annotated[
    float, typer.Option(min=LEAST, max=1e9, help="What a miss costs, in seconds of a reviewer.")
]
WrongS = Annotated[
    float, typer.Option(min=LEAST, max=1e9, help="What a wrong removal costs, likewise.")
]
HumanMiss = Annotated[
    float, typer.Option(min=0, max=MOST, help="Share of removals that reviewers allow.")
]
HumanWrong = Annotated[
    float, typer.Option(min=0, max=MOST, help="Share of the rest that they remove.")
]
Hours = Annotated[
    float, typer.Option(min=0, max=1e6, help="Hours a day for reviews; 0 = not asked.")
]
Videos = Annotated[float, typer.Option(min=LEAST, max=1e12, help="How many videos come in a day.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Write = Annotated[
    Path | None, typer.Option(help="Write the policy with the new thresholds to this file.")
]


@tuning.command()
def tune(  # noqa: PLR0913 - one parameter an option
    out: Out,
    *,
    decisions: Decisions,
    policy: PolicyName = "nudity",
    max_miss: Missed = 0.02,
    confidence: Certain = 0.95,
    review_s: ReviewS = 12,
    miss_s: MissS = 3600,
    false_remove_s: WrongS = 600,
    human_miss: HumanMiss = 0.05,
    human_false_remove: HumanWrong = 0.02,
    hours_a_day: Hours = 0,
    videos_a_day: Videos = 1000,
    json: Json = False,
    write: Write = None,
) -> None:
    """Tell from people's decisions where a policy's thresholds should stand.

    Nothing is scored again. A threshold is guaranteed to miss no more than --max-miss of what
    people would remove, or it is said how many labels that takes: labels sampled by `uniform`, for
    no others say what is missed. The policy is written with its version counted up, and beside it
    the evidence that it names.

    \b
    Exit codes, where several apply the one that stands first:
      130  interrupted
        3  the reports are of several models, or not of the policy's
        2  bad input: decisions, policy or a report are wrong; without that report, it was tuned
        4  a category has no guaranteed threshold; what can be told was told
        0  each category of the policy has one
    """  # noqa: D301 - click wants the sign itself
    team = Team(3600 * hours_a_day, review_s, videos_a_day) if hours_a_day else None
    costs = Costs(review_s, miss_s, false_remove_s, human_miss, human_false_remove)
    request = tune_commands.TuneRequest(
        out=out,
        decisions=decisions,
        policy=policy,
        aims=Aims(max_miss, confidence, costs, team),
        is_json=json,
        write=write,
        at_ms=time.time_ns() // 1_000_000,
    )
    raise typer.Exit(run_safely(partial(tune_commands.run_tune, request)))
