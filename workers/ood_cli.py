"""The command line of strangers; what it does is in `workers.ood_commands`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline.learning.bank import MAX_FALSE_ALARMS, Method
from pipeline.scoring.backend import Device
from workers import ood_commands
from workers.batch import ModelChoice
from workers.commands import run_safely

ood = typer.Typer(
    no_args_is_help=True,
    help="Tell what is unlike all that a model was made for.",
)

Paths = Annotated[
    list[str] | None,
    typer.Argument(help="Pictures, videos, folders (with all in them), or patterns."),
]
Where = Annotated[Device, typer.Option(help="Where the model runs.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads of the model; 0 = one a core.")]
PolicyName = Annotated[
    str, typer.Option(help="Whose gate says which frames are bad, and whose limits hold.")
]


@ood.command()
def fit(  # noqa: PLR0913 - one parameter an option
    paths: Paths = None,
    *,
    passed: Annotated[
        Path | None,
        typer.Option(help="And the videos whose reports in this folder of outputs say `pass`."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The bank's file.")] = Path("bank.npz"),
    model: Annotated[
        str | None, typer.Option(help="A model's name, or a model.toml.  [the policy's]")
    ] = None,
    policy: PolicyName = "nudity",
    false_alarms: Annotated[
        float,
        typer.Option(
            min=0.0001,
            max=MAX_FALSE_ALARMS,
            help="Share of familiar frames that may be called strangers.",
        ),
    ] = 0.05,
    method: Annotated[
        Method | None, typer.Option(help="How strangers are told.  [by what the model offers]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses what is held out.")] = 0,
    device: Where = Device.AUTO,
    threads: Threads = 1,
) -> None:
    """Fit a bank on pictures and videos that a model was made for.

    Two thirds of the files go into the bank. The others say from which score on a frame is a
    stranger: so many files must there be that the rate of false alarms can be held.

    \b
    Exit codes, where several apply the one that stands first:
      130  interrupted
        3  a model or the device asked for is missing
        2  bad input: too few files, or a path came to nothing; with enough others a bank is written
        4  a file could not be read, or has no good frame; a bank of the others is written
        0  all went into the bank
    """  # noqa: D301 - click wants the sign itself
    request = ood_commands.FitRequest(
        paths=tuple(paths or ()),
        passed=passed,
        out=out,
        policy=policy,
        model=ModelChoice(model, device, threads=threads),
        false_alarms=false_alarms,
        method=method,
        seed=seed,
    )
    raise typer.Exit(run_safely(partial(ood_commands.run_fit, request)))


@ood.command()
def score(  # noqa: PLR0913 - one parameter an option
    bank: Annotated[Path, typer.Argument(help="What `heatreel ood fit` wrote.")],
    paths: Annotated[
        list[str],
        typer.Argument(help="Pictures, videos, folders (with all in them), or patterns."),
    ],
    *,
    model: Annotated[
        str | None, typer.Option(help="A model's name, or a model.toml.  [the bank's]")
    ] = None,
    policy: PolicyName = "nudity",
    json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
    device: Where = Device.AUTO,
    threads: Threads = 1,
) -> None:
    """Print how unlike the bank each file is, and whether it is a stranger.

    A video is one if more of its good frames are strangers than the policy's
    max_unfamiliar_share; its score is the median of theirs.

    \b
    Exit codes, where several apply the one that stands first:
      130  interrupted
        3  the bank, its model or the device asked for is missing, or they do not belong together
        2  bad input: a path came to nothing; the others were scored
        4  a file could not be read, or has no good frame
        1  a file is a stranger
        0  all are familiar
    """  # noqa: D301 - click wants the sign itself
    request = ood_commands.ScoreRequest(
        bank=bank,
        paths=tuple(paths),
        policy=policy,
        model=ModelChoice(model, device, threads=threads),
        is_json=json,
    )
    raise typer.Exit(run_safely(partial(ood_commands.run_score, request)))
