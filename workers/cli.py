"""The command line: options and their help; what they do is in `workers.commands`."""

import sys
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from pipeline.drawing.assets import ColourMap
from pipeline.drawing.style import HeatmapStyle
from pipeline.drawing.thumbnails import Pictures
from pipeline.outputs.formats import Format
from pipeline.scoring.backend import Device, Precision
from workers import commands
from workers.batch import ModelChoice
from workers.classify_cli import classifying
from workers.groups_cli import groups
from workers.ood_cli import ood
from workers.service_cli import service
from workers.tune_cli import tuning

app = typer.Typer(
    name="heatreel",
    help="Watches videos so that people need not.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.add_typer(service)
app.add_typer(classifying)
app.add_typer(tuning)
app.add_typer(groups, name="groups")
app.add_typer(ood, name="ood")


class OutputFormat(StrEnum):
    """What is printed on standard output."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"
    REKOGNITION = "rekognition"


Paths = Annotated[
    list[str], typer.Argument(help="Video files, folders (with all in them), or patterns.")
]
Out = Annotated[Path, typer.Option(help="Folder for the outputs, a folder a video.")]
PolicyName = Annotated[
    str, typer.Option(help="A policy that comes with Heatreel, or a policy file.")
]
ModelName = Annotated[
    str | None,
    typer.Option(help="A model that comes with Heatreel, or a model.toml; else the policy's."),
]
Where = Annotated[
    Device, typer.Option(help="Where the model runs; cuda fails where there is none.")
]
DeviceId = Annotated[int, typer.Option(min=0, help="Which CUDA device.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads of the model; 0 = one a core.")]
Form = Annotated[OutputFormat, typer.Option("--format", help="What is printed, a line a video.")]
Json = Annotated[bool, typer.Option("--json", help="Short for --format jsonl.")]
Force = Annotated[
    bool, typer.Option("--force", help="Scan also what has not changed since its report.")
]
Tag = Annotated[str, typer.Option(help="Your name for this batch; stands in reports.")]
NoThumbs = Annotated[
    bool, typer.Option("--no-thumbs", help="Draw without any picture of the video.")
]
NoBlur = Annotated[
    bool, typer.Option("--no-blur", help="Draw its pictures sharp; mind who sees them.")
]

BankFile = Annotated[
    Path | None,
    typer.Option(help="What `heatreel ood fit` wrote: tells what is unlike all that it knows."),
]


@app.command()
def scan(  # noqa: PLR0913 - one parameter an option
    paths: Paths,
    *,
    out: Out = Path("out"),
    policy: PolicyName = "nudity",
    model: ModelName = None,
    device: Where = Device.AUTO,
    device_id: DeviceId = 0,
    precision: Annotated[Precision, typer.Option(help="What it computes in.")] = Precision.FP32,
    threads: Threads = 1,
    output_format: Form = OutputFormat.TEXT,
    json: Json = False,
    force: Force = False,
    tag: Tag = "",
    no_thumbs: NoThumbs = False,
    no_blur: NoBlur = False,
    colour_map: Annotated[ColourMap, typer.Option(help="Colours.")] = ColourMap.INFERNO,
    bank: BankFile = None,
) -> None:
    """Scan videos: a report, a heatmap and a verdict each.

    A video is skipped if OUT holds a report of the same content, model, policy and bank (--force
    scans it again, as after a change of the drawing options). One that cannot be read gets a
    report with the verdict `error`; the others go on.

    \b
    Exit codes, where several apply the one that stands first:
      130  interrupted
        3  a model, its bank or the device asked for is missing; nothing was scanned
        2  bad input: a path came to nothing, or the policy is wrong; the other paths were scanned
        4  a video could not be judged (verdict error)
        1  a video is to be reviewed or blocked
        0  all pass
    """  # noqa: D301 - click wants the sign itself
    request = commands.ScanRequest(
        paths=tuple(paths),
        out=out,
        policy=policy,
        model=ModelChoice(model, device, device_id, precision, threads),
        style=HeatmapStyle(colour_map, _choose_pictures(no_thumbs=no_thumbs, no_blur=no_blur)),
        form=_choose_form(output_format, json=json),
        tag=tag,
        is_forced=force,
        bank=bank,
    )
    raise typer.Exit(commands.run_safely(partial(commands.run_scan, request)))


@app.command()
def wall(
    out: Annotated[Path, typer.Argument(help="The folder that `heatreel scan --out` wrote.")],
    *,
    picture: Annotated[
        Path | None, typer.Option("--output", "-o", help="The picture.  [OUT/wall.png]")
    ] = None,
) -> None:
    """Draw one picture of all videos in OUT, worst first."""
    where = picture or out / "wall.png"
    raise typer.Exit(commands.run_safely(partial(commands.run_wall, out, where)))


@app.command()
def demo(
    video: Annotated[
        Path | None, typer.Argument(help="The video.  [one made of photographs]")
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder for the outputs.")] = Path("demo"),
) -> None:
    """Scan a video under two policies, `nudity` and `cats`, and name the pictures to look at.

    Without a video one is made of the photographs that come with scikit-image: a cat is in it
    twice.
    """
    raise typer.Exit(commands.run_safely(partial(commands.run_demo, video, out)))


@app.command()
def models() -> None:
    """List the models that come with Heatreel."""
    raise typer.Exit(commands.run_safely(commands.run_models))


@app.command("version")
def show_version() -> None:
    """Print Heatreel's version."""
    typer.echo(version("heatreel"))


def main() -> None:
    """Run the command line; a terminal that cannot show a sign gets it escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()


def _choose_pictures(*, no_thumbs: bool, no_blur: bool) -> Pictures:
    if no_thumbs:
        return Pictures.HIDDEN
    return Pictures.SHARP if no_blur else Pictures.BLURRED


def _choose_form(chosen: OutputFormat, *, json: bool) -> Format | None:
    if json:
        return Format.JSONL
    return None if chosen is OutputFormat.TEXT else Format(chosen)


if __name__ == "__main__":
    main()
