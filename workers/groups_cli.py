"""The command line of "is this X?"; what it does is in `workers.groups_commands`."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.drawing.thumbnails import Pictures
from pipeline.scoring.backend import Device, Precision
from workers.batch import ModelChoice
from workers.commands import run_safely

MOST_CARDS = 40


class PathsOrCommand(TyperGroup):
    """A group whose first word is a command's name, or else a path for `find`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `find` in front of what names no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["find", *args]
        return list(super().parse_args(ctx, args))


groups = typer.Typer(
    cls=PathsOrCommand,
    no_args_is_help=True,
    help="Group pictures that look alike, and ask: are these X?",
)

Paths = Annotated[
    list[str],
    typer.Argument(help="Pictures, videos, folders (with all in them), or patterns."),
]
Facts = Annotated[Path, typer.Option(help="The file of what people answered.")]
FACTS = Path("facts.jsonl")


ModelName = Annotated[str, typer.Option(help="Whose features are compared.")]
FacesFile = Annotated[
    Path | None,
    typer.Option(
        help="Group faces, by the models that this file names. Off by default: what is made of a "
        "face is biometric data, which the law of many places (GDPR art. 9, BIPA) forbids without "
        "the consent of the people shown. None of it is written to a disk; `forget` erases the "
        "answers about a person."
    ),
]
PolicyName = Annotated[
    str, typer.Option(help="How closely videos are looked at, and what is a bad picture.")
]
Where = Annotated[Device, typer.Option(help="Where the model runs.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0 = one a core.")]
Cut = Annotated[
    float | None,
    typer.Option(min=0, max=2, help="Cosine distance of a group's parts.  [from the pictures]"),
]
MinSize = Annotated[
    int, typer.Option(min=1, help="Different pictures that a question must settle.")
]
Most = Annotated[int, typer.Option(min=1, help="Questions at most.")]
Sheet = Annotated[Path | None, typer.Option(help="Folder for a picture of each card.")]
NoBlur = Annotated[bool, typer.Option("--no-blur", help="Draw pictures sharp; mind who sees them.")]
Ask = Annotated[
    bool, typer.Option("--ask", help="Put the questions; answers come on standard input.")
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object a card.")]


@groups.command()
def find(  # noqa: PLR0913 - one parameter an option
    paths: Paths,
    *,
    facts: Facts = FACTS,
    model: ModelName = "efficientnet-lite0",
    faces: FacesFile = None,
    policy: PolicyName = "default",
    device: Where = Device.AUTO,
    threads: Threads = 1,
    cut: Cut = None,
    min_size: MinSize = 5,
    most: Most = MOST_CARDS,
    sheet: Sheet = None,
    no_blur: NoBlur = False,
    ask: Ask = False,
    json: Json = False,
) -> None:
    """Group pictures and the good frames of videos; say which questions are worth asking.

    `find` may be left out: `heatreel groups PATHS...`. What is answered is kept in the file of
    facts, by the hashes of the pictures, and holds for every later run, whatever the model.

    \b
    Exit codes, where several apply the one that stands first:
      130  interrupted
        3  the model or the device asked for is missing, or the model has no features
        2  bad input: a path came to nothing, or the file of facts is wrong
        4  a picture or video could not be read; the others were grouped
        0  done
    """  # noqa: D301 - click wants the sign itself
    if ask and json:
        raise typer.BadParameter("--ask is for people, --json for machines: not both")
    commands = _commands()
    request = commands.GroupsRequest(
        paths=tuple(paths),
        facts=facts,
        model=ModelChoice(model, device, 0, Precision.FP32, threads),
        faces=faces,
        policy=policy,
        cut=cut,
        min_settled=min_size,
        most=most,
        sheet=sheet,
        shown=Pictures.SHARP if no_blur else Pictures.BLURRED,
        is_asked=ask,
        is_json=json,
    )
    raise typer.Exit(run_safely(partial(commands.run_groups, request)))


@groups.command()
def answer(
    card: Annotated[str, typer.Argument(help="Which card, as `heatreel groups` printed it.")],
    words: Annotated[
        list[str],
        typer.Argument(help='yes, no, later; "2 4": all but these tiles; "= NAME": all are NAME.'),
    ],
    *,
    facts: Facts = FACTS,
) -> None:
    """Answer one card of the last `heatreel groups`: 0 if it counts, else 2."""
    raise typer.Exit(run_safely(partial(_commands().run_answer, facts, card, tuple(words))))


@groups.command()
def undo(
    number: Annotated[int | None, typer.Argument(min=1, help="Which answer.  [the last]")] = None,
    *,
    facts: Facts = FACTS,
) -> None:
    """Take an answer back: 0 if it stood, else 2."""
    raise typer.Exit(run_safely(partial(_commands().run_undo, facts, number)))


@groups.command()
def names(paths: Paths, *, facts: Facts = FACTS) -> None:
    """Print what files are known to show, and which were settled unseen and want a second look."""
    raise typer.Exit(run_safely(partial(_commands().run_names, facts, tuple(paths))))


@groups.command()
def forget(
    name: Annotated[str, typer.Argument(help="Who or what.")], *, facts: Facts = FACTS
) -> None:
    """Erase everything that was answered about a name, for good; there is no undo."""
    raise typer.Exit(run_safely(partial(_commands().run_forget, facts, name)))


def _commands() -> Any:
    """Return the module of the commands, with scikit-learn behind it: others need not load it."""
    return import_module("workers.groups_commands")
