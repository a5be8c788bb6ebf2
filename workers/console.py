"""What people read: a line a video, a summary, and a progress bar while it lasts."""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.outputs.names import to_printable
from pipeline.records import Judgement, Outcome
from pipeline.wording.reports import headline, headline_confidence
from workers.batch import Judged, Totals

WORD_CHARS = max(len(outcome) for outcome in Outcome)
HEATMAP = "heatmap"


def say_verdict(judged: Judged) -> str:
    """Return the line of one video: verdict, what and when, its name, where its picture is.

    `REVIEW 0.97 cats 0:21-0:25 (4 s)  clip.mp4  → out/clip/heatmap.png`
    """
    entry = judged.entry
    word = judged.outcome.upper().ljust(WORD_CHARS)
    parts = [f"{word} {_say_why(entry.report.judgement)}", str(entry.path)]
    pictures = dict(entry.report.artifacts)
    parts.append(f"\N{RIGHTWARDS ARROW} {entry.folder / pictures.get(HEATMAP, '')}")
    if not judged.is_new:
        parts.append("(unchanged)")
    return "  ".join(to_printable(part) for part in parts)


def say_totals(totals: Totals) -> str:
    """Return the last line of a batch: verdicts, then what it took."""
    verdicts = ", ".join(f"{count} {outcome}" for outcome, count in totals.outcomes) or "none"
    videos = sum(count for _, count in totals.outcomes)
    noun = "video" if videos == 1 else "videos"
    unchanged = f" ({totals.unchanged} unchanged)" if totals.unchanged else ""
    return (
        f"{videos} {noun}: {verdicts}{unchanged}; {totals.video_s:.1f} s of video, "
        f"{totals.frames} frames scored, {totals.cpu_s:.1f} CPU seconds"
    )


class Display:
    """Lines on standard output, under them a progress bar on a terminal's standard error."""

    def __init__(self, videos: Sequence[Path], progress: Progress) -> None:
        """Make a display of a progress bar that is shown; `show_progress` is the way to one."""
        self._names = [to_printable(video.name) for video in videos]
        self._progress = progress
        self._task = progress.add_task("", total=len(videos))

    def move(self, i: int, share: float) -> None:
        """Say which video is in work, from 0, and the share of it that is done, 0 to 1."""
        self._progress.update(self._task, completed=i + share, description=self._names[i])

    def say(self, line: str) -> None:
        """Print a line, above the bar where both are on the same terminal."""
        if sys.stdout.isatty() and not self._progress.disable:
            self._progress.console.print(Text(line), soft_wrap=True, end="")
        else:
            sys.stdout.write(line)
            sys.stdout.flush()


@contextmanager
def show_progress(videos: Sequence[Path]) -> Iterator[Display]:
    """Show a progress bar while a batch runs; nothing where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
    ) as progress:
        yield Display(videos, progress)


def _say_why(judgement: Judgement) -> str:
    """Return what stands behind a verdict, in a few words."""
    confidence = headline_confidence(judgement)
    why = headline(judgement)
    return why if math.isnan(confidence) else f"{confidence:.2f} {why}"
