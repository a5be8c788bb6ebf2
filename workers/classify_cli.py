"""The options of `heatreel classify` and their help; see `workers.classify_commands`."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from pipeline.drawing.thumbnails import Pictures
from pipeline.scoring.backend import Device, Precision
from pipeline.votes import VoteRule
from workers.batch import ModelChoice
from workers.commands import run_safely

classifying = typer.Typer(no_args_is_help=True)


Paths = Annotated[list[str], typer.Argument(help="Pictures, videos, or folders with all in them.")]
CandidatesName = Annotated[
    str, typer.Option(help="Candidates that come with Heatreel, or a candidates file.")
]
Title = Annotated[str, typer.Option(help="The title: a further witness.")]
Rule = Annotated[VoteRule, typer.Option(help="How the votes are counted.")]
EachFolder = Annotated[
    bool, typer.Option("--each-folder", help="Each sub-folder is a submission of its own.")
]
BankFile = Annotated[
    Path | None, typer.Option(help="What `heatreel ood fit` wrote: strangers to it do not vote.")
]
ModelName = Annotated[
    str | None,
    typer.Option(help="A model that comes with Heatreel, or a model.toml; else the file's."),
]
Where = Annotated[
    Device, typer.Option(help="Where the model runs; cuda fails where there is none.")
]
DeviceId = Annotated[int, typer.Option(min=0, help="Which CUDA device.")]
ComputesIn = Annotated[Precision, typer.Option(help="What it computes in.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads of the model; 0 = one a core.")]
Sheet = Annotated[
    Path | None, typer.Option(help="Draw the vote into this PNG; not with --each-folder.")
]
NoBlur = Annotated[
    bool, typer.Option("--no-blur", help="Draw its pictures sharp; mind who sees them.")
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON a submission.")]


@classifying.command()
def classify(  # noqa: PLR0913 - one parameter an option
    pictures: Paths,
    *,
    candidates: CandidatesName = "objects",
    text: Title = "",
    rule: Rule = VoteRule.POOLED,
    each_folder: EachFolder = False,
    bank: BankFile = None,
    model: ModelName = None,
    device: Where = Device.AUTO,
    device_id: DeviceId = 0,
    precision: ComputesIn = Precision.FP32,
    threads: Threads = 1,
    sheet: Sheet = None,
    no_blur: NoBlur = False,
    json: Json = False,
) -> None:
    """Say what pictures of one object show, or leave it to a person and say why.

    All pictures are ONE submission. Bad ones (black, blurred, ...) do not vote, copies share one
    vote, and files that cannot be read are named. In folders, names that begin with a dot are
    passed over.

    \b
    Exit codes, where several apply the one that stands first:
      130  interrupted
        3  a model, its bank or the device asked for is missing; nothing was classified
        2  bad input: a path came to nothing, or the candidates are wrong
        4  a submission could not be judged: no file could be read, or there are too many
        1  a submission is left to a person
        0  all have an answer
    """  # noqa: D301 - click wants the sign itself
    if sheet and each_folder:
        raise typer.BadParameter("--sheet draws one submission, so not with --each-folder")
    commands = import_module("workers.classify_commands")
    request = commands.ClassifyRequest(
        paths=tuple(pictures),
        candidates=candidates,
        text=text,
        rule=rule,
        is_each_folder=each_folder,
        bank=bank,
        model=ModelChoice(model, device, device_id, precision, threads),
        sheet=sheet,
        pictures=Pictures.SHARP if no_blur else Pictures.BLURRED,
        is_json=json,
    )
    raise typer.Exit(run_safely(partial(commands.run_classify, request)))
