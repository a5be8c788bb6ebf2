"""What each command of the command line does; the options are in `workers.cli`.

Each returns its exit code. Faults of the world are told in one line on standard error, here and
nowhere else.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.drawing.style import HeatmapStyle
from pipeline.errors import BackendUnavailableError, HeatreelError, ModelError
from pipeline.outputs.atomic import write_atomically
from pipeline.outputs.formats import Format, head_of, line_of
from pipeline.outputs.names import to_printable
from pipeline.scoring.builtin import BUILT_INS, default_cache
from workers.batch import (
    EXIT_BAD_INPUT,
    EXIT_MISSING,
    Judged,
    ModelChoice,
    Setup,
    add_up,
    exit_code,
    open_setup,
    scan_all,
)
from workers.console import say_totals, say_verdict, show_progress
from workers.decoding import open_decoder
from workers.demo import make_demo_video
from workers.gallery import draw_pages, find_tiles, name_pages
from workers.interrupts import remembered_interrupts
from workers.videos import Found, find_videos

EXIT_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count
EXIT_NO_READER = 141  # 128 and the number of SIGPIPE
DEMOS = (("nudity", "open-nsfw"), ("cats", "efficientnet-lite0"))


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What `heatreel scan` was asked for.

    Attributes:
        paths: files, folders, patterns.
        out: the folder of outputs.
        policy: a built-in's name, or the path of a policy file.
        model: which model scores, and on what.
        style: how the pictures are drawn.
        form: for machines; None = for people.
        tag: what the caller calls the batch; may be empty.
        is_forced: whether videos are scanned whose report is there already.
        bank: the file of what is familiar to the model; None = strangers are not told.
    """

    paths: tuple[str, ...]
    out: Path
    policy: str
    model: ModelChoice
    style: HeatmapStyle
    form: Format | None
    tag: str
    is_forced: bool
    bank: Path | None = None


def run_safely(command: Callable[[], int]) -> int:
    """Return the exit code of *command*, whatever befalls it; a fault of the world is one line."""
    try:
        return command()
    except (BackendUnavailableError, ModelError) as fault:
        _complain(fault)
        return EXIT_MISSING
    except HeatreelError as fault:
        _complain(fault)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        _complain("interrupted; what is finished stays, and is not scanned again")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # as in `heatreel scan ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NO_READER
    except OSError as fault:
        _complain(fault)
        return EXIT_BAD_INPUT


def run_scan(request: ScanRequest) -> int:
    """Scan what was asked for, print a line a video, and say what it came to."""
    found = find_videos(request.paths)
    for fault in found.faults:
        _complain(fault)
    if not found.videos:
        return EXIT_BAD_INPUT
    setup = open_setup(
        request.policy,
        request.model,
        style=request.style,
        tag=request.tag,
        is_forced=request.is_forced,
        bank=request.bank,
    )
    if request.form is None:
        return _scan_for_people(found, request.out, setup)
    return _scan_for_machines(found, request.out, setup, request.form)


def run_wall(out: Path, picture: Path) -> int:
    """Draw the wall of all reports in *out*."""
    gallery = find_tiles(out)
    for fault in gallery.faults:
        _complain(fault)
    if not gallery.tiles:
        _complain(f"{out}: no reports there")
        return EXIT_BAD_INPUT
    pages = draw_pages(gallery.tiles, title=out.resolve().name)
    for path, page in zip(name_pages(picture, len(pages)), pages, strict=True):
        write_atomically(path, page)
        _say(to_printable(str(path)))
    return EXIT_BAD_INPUT if gallery.faults else 0


def run_models() -> int:
    """List the models that come with Heatreel, and where they are once exported."""
    cache = default_cache()
    for built_in in BUILT_INS:
        folders = sorted(cache.glob(f"{built_in.model_id}-*"))
        place = folders[-1] if folders else f"exported to {cache} when first used"
        _say(f"{built_in.model_id}  {built_in.requirement}  {place}")
    return 0


def run_demo(video: Path | None, out: Path) -> int:
    """Scan a video, or else one made of photographs, under two policies; name the pictures."""
    clip = video or out / "demo.mp4"
    if video is None and not clip.exists():
        _complain("making a video of photographs")
        make_demo_video(clip)
    codes = [_run_one_demo(clip, out / policy, policy, model) for policy, model in DEMOS]
    _say("Look at:")
    for policy, _ in DEMOS:
        for picture in sorted((out / policy).rglob("*.png")):
            _say(f"  {picture}")
    return EXIT_BAD_INPUT if EXIT_BAD_INPUT in codes else 0


def _run_one_demo(clip: Path, out: Path, policy: str, model: str) -> int:
    _say(f"Policy {policy}, model {model}:")
    request = ScanRequest(
        paths=(str(clip),),
        out=out,
        policy=policy,
        model=ModelChoice(name=model),
        style=HeatmapStyle(),
        form=None,
        tag="",
        is_forced=False,
    )
    return run_scan(request)


def _scan_for_people(found: Found, out: Path, setup: Setup) -> int:
    judged = _scan_each(found, out, setup, lambda one: f"{say_verdict(one)}\n")
    _say(say_totals(add_up(judged)))
    return exit_code(judged, has_bad_input=bool(found.faults))


def _scan_for_machines(found: Found, out: Path, setup: Setup, form: Format) -> int:
    sys.stdout.write(head_of(form))
    judged = _scan_each(found, out, setup, lambda one: line_of(form, one.entry))
    return exit_code(judged, has_bad_input=bool(found.faults))


def _scan_each(
    found: Found, out: Path, setup: Setup, say: Callable[[Judged], str]
) -> Sequence[Judged]:
    judged = []
    with (
        open_decoder() as decoder,
        remembered_interrupts() as check,
        show_progress(found.videos) as display,
    ):

        def move(i: int, share: float) -> None:
            check()
            display.move(i, share)

        for one in scan_all(found.videos, out, setup, decoder, on_progress=move):
            display.say(say(one))
            judged.append(one)
    return judged


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(fault: object) -> None:
    sys.stdout.flush()
    for line in str(fault).splitlines():
        sys.stderr.write(f"heatreel: {to_printable(line)}\n")
