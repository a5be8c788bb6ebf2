"""`heatreel` as its users type it: real videos, a real model that knows one colour."""

import csv
import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

import pipeline.policies
from pipeline.media.encode import Encoding, write_video
from pipeline.outputs.report_json import read
from tests.models import write_colour_model
from workers.cli import app

ROOT = Path(__file__).parents[2]
RATE_HZ = 25
ENCODING = Encoding(rate_hz=RATE_HZ, keyframe_interval=RATE_HZ, options={"preset": "ultrafast"})
# The whole file of the cats, of another model and another label.
POLICY = re.sub(
    r"labels = \[.*?\]",
    'labels = ["magenta"]',
    (Path(pipeline.policies.__file__).parent / "cats.toml")
    .read_text(encoding="utf-8")
    .replace("efficientnet-lite0", "colour")
    .replace("cats]", "magenta]"),
    flags=re.DOTALL,
)


def pictures(seconds: int, magenta_s: range) -> Iterator[NDArray[np.uint8]]:
    """Yield frames of grey noise that moves, a third of them magenta in the seconds *magenta_s*."""
    noise = np.random.default_rng(seconds).integers(60, 200, (96, 400, 1), np.uint8)
    for i in range(seconds * RATE_HZ):
        frame = np.repeat(noise[:, i % 200 : i % 200 + 160], 3, axis=2)
        if i // RATE_HZ in magenta_s:
            frame[:, :54] = (255, 0, 255)
        yield frame


class Library:
    """A folder with videos, a model and a policy."""

    def __init__(self, folder: Path) -> None:
        self.clips = folder / "clips"
        self.clips.mkdir()
        write_video(self.clips / "plain.mp4", pictures(6, range(0)), ENCODING)
        write_video(self.clips / "magenta.mp4", pictures(8, range(3, 5)), ENCODING)
        (self.clips / "broken.mp4").write_text("This is no video.\n" * 100)
        self.model = write_colour_model(folder)
        self.policy = folder / "magenta.toml"
        self.policy.write_text(POLICY, encoding="utf-8")

    def scan_words(self, out: Path, *words: str | Path) -> list[str]:
        """Return the words of a scan with this model and policy."""
        setup = ["--out", out, "--model", self.model, "--policy", self.policy, "--device", "cpu"]
        return ["scan", *map(str, [*setup, *words])]

    def scan(self, out: Path, *words: str | Path) -> Result:
        """Scan *words* with this model and policy."""
        return heatreel(*self.scan_words(out, *words))


def heatreel(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


# A shell that starts the tests in the background has interrupts ignored, for all that they start.
PROGRAM = (
    "import signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from workers.cli import main\n"
    "main()\n"
)


def start(words: Sequence[str], to: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start the command line as a process of its own, printing to a pipe or a file."""
    path = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", PROGRAM, *words],
        stdout=to,
        stderr=to,
        env=os.environ | {"PYTHONPATH": path, "TERM": "xterm", "COLUMNS": "40"},
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def scanned(library: Library, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the outputs of the whole library, and what was printed."""
    out = tmp_path_factory.mktemp("scanned") / "out"
    return out, library.scan(out, library.clips, library.clips / "none.mp4")


def lines_of(result: Result) -> dict[str, str]:
    """Return the line of each video, by the name of its file."""
    found = (re.search(r"(\S+)\.mp4", line) for line in result.stdout.splitlines())
    return {Path(match[1]).name: match.string for match in found if match}


def test_every_video_has_a_line_with_verdict_and_picture(scanned: tuple[Path, Result]) -> None:
    out, result = scanned
    lines = lines_of(result)

    assert list(lines) == ["broken", "magenta", "plain"]
    assert re.match(r"PASS   0\.\d\d ", lines["plain"])
    assert re.match(
        r"REVIEW (1\.00|0\.9\d) magenta 0:03\N{EN DASH}0:05 \(2(\.\d)? s\)", lines["magenta"]
    )
    assert lines["broken"].startswith("ERROR  the file is no video that Heatreel reads")
    assert all(line.endswith(f"{out / name}/heatmap.png") for name, line in lines.items())


def test_a_summary_stands_at_the_end(scanned: tuple[Path, Result]) -> None:
    last = scanned[1].stdout.splitlines()[-1]

    assert last.startswith("3 videos: 1 error, 1 review, 1 pass; 14.0 s of video, ")
    assert re.search(r" \d+ frames scored, \d+\.\d CPU seconds$", last)


def test_a_path_that_comes_to_nothing_is_one_line_and_the_rest_goes_on(
    scanned: tuple[Path, Result],
) -> None:
    result = scanned[1]

    assert re.fullmatch(r"heatreel: .*none\.mp4: no such file or folder\n", result.stderr)
    assert len(lines_of(result)) == 3
    assert result.exit_code == 2


def test_a_file_that_is_no_video_has_a_report_and_a_picture(scanned: tuple[Path, Result]) -> None:
    folder = scanned[0] / "broken"

    assert read(folder / "report.json").judgement.verdict.outcome == "error"
    assert (folder / "heatmap.png").read_bytes().startswith(b"\x89PNG")


def test_every_artifact_that_a_report_names_is_there_and_nothing_else(
    scanned: tuple[Path, Result],
) -> None:
    for folder in scanned[0].iterdir():
        artifacts = dict(read(folder / "report.json").artifacts)
        named = {"report.json", *artifacts.values()}
        assert {path.name for path in folder.iterdir()} == named


@pytest.mark.parametrize(
    ("names", "code"),
    [
        pytest.param(["plain"], 0, id="all-pass"),
        pytest.param(["plain", "magenta"], 1, id="some-review"),
        pytest.param(["broken", "magenta"], 4, id="an-error-before-a-review"),
        pytest.param(["broken", "magenta", "none"], 2, id="bad-input-before-all"),
        pytest.param(["none"], 2, id="nothing-at-all"),
    ],
)
def test_the_exit_code_says_what_calls_for_a_hand_first(
    names: list[str], code: int, library: Library, scanned: tuple[Path, Result]
) -> None:
    videos = [library.clips / f"{name}.mp4" for name in names]

    assert library.scan(scanned[0], *videos).exit_code == code


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        pytest.param(["--model", "nowhere"], 3, "nowhere: ", id="no-such-model"),
        pytest.param(["--policy", "nowhere"], 2, "nowhere: ", id="no-such-policy"),
        pytest.param(["--policy", "nudity"], 2, "labels", id="labels-of-another-model"),
        pytest.param(["--format", "xml"], 2, "xml", id="no-such-format"),
    ],
)
def test_what_keeps_a_batch_from_starting_is_one_line(
    words: list[str], code: int, fault: str, library: Library, tmp_path: Path
) -> None:
    result = library.scan(tmp_path / "out", library.clips / "plain.mp4", *words)

    assert result.exit_code == code
    assert fault in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_outputs_that_cannot_be_written_are_one_line(library: Library, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    result = library.scan(tmp_path / "out", library.clips / "plain.mp4")

    assert result.exit_code == 2
    assert re.fullmatch(r"heatreel: .*out.plain: cannot be written: .*\n", result.stderr)


def test_what_has_not_changed_is_not_scanned_again(
    library: Library, scanned: tuple[Path, Result]
) -> None:
    out = scanned[0]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    result = library.scan(out, library.clips)

    assert all(line.endswith("(unchanged)") for line in lines_of(result).values())
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == before
    assert "(3 unchanged); 0.0 s of video" in result.stdout
    assert result.exit_code == 4


def test_what_has_not_changed_is_scanned_again_when_forced(
    library: Library, tmp_path: Path
) -> None:
    plain = library.clips / "plain.mp4"
    library.scan(tmp_path, plain)
    before = (tmp_path / "plain" / "report.json").stat().st_mtime_ns
    result = library.scan(tmp_path, plain, "--force")

    assert "unchanged" not in result.stdout
    assert (tmp_path / "plain" / "report.json").stat().st_mtime_ns > before


@pytest.mark.parametrize("order", [("plain", "magenta"), ("magenta", "plain")])
def test_namesakes_get_folders_of_their_own_in_any_order(
    order: tuple[str, str], library: Library, tmp_path: Path
) -> None:
    videos = []
    for name in order:
        video = tmp_path / name / "clip.mp4"
        video.parent.mkdir()
        shutil.copyfile(library.clips / f"{name}.mp4", video)
        videos.append(video)
    library.scan(tmp_path / "out", *videos)

    for video in videos:
        report = next(
            report
            for report in map(read, (tmp_path / "out").glob("*/report.json"))
            if report.source == video
        )
        digest = report.submission_id.removeprefix("sha256:")[:8]
        assert (tmp_path / "out" / f"clip-{digest}").is_dir()
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("words", "names"),
    [
        pytest.param(["--json"], ["path", "folder", "schema_version"], id="json"),
        pytest.param(["--format", "rekognition"], ["JobId", "JobStatus"], id="rekognition"),
    ],
)
def test_machines_get_a_line_of_json_a_video_and_nothing_else(
    words: list[str], names: list[str], library: Library, scanned: tuple[Path, Result]
) -> None:
    result = library.scan(scanned[0], library.clips, *words)
    found = [json.loads(line) for line in result.stdout.splitlines()]

    assert len(found) == 3
    assert all(list(one)[: len(names)] == names for one in found)


def test_spreadsheets_get_a_row_a_video(library: Library, scanned: tuple[Path, Result]) -> None:
    result = library.scan(scanned[0], library.clips, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))

    assert [row["verdict"] for row in rows] == ["error", "review", "pass"]


def test_a_hostile_name_stays_on_its_line_and_in_its_folder(
    library: Library, tmp_path: Path
) -> None:
    name = os.fsdecode(b"=\n\x1b[2Jcaf\xe9 \xe2\x80\xae.mp4")
    shutil.copyfile(library.clips / "plain.mp4", tmp_path / name)
    with start(library.scan_words(tmp_path / "out", tmp_path / name)) as process:
        printed, complaints = process.communicate()
    lines = printed.decode("utf-8", "strict").splitlines()

    assert process.returncode == 0, complaints.decode()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2Jcaf"]
    report = read(tmp_path / "out" / "2Jcaf" / "report.json")
    assert report.source == tmp_path / name


def copies(library: Library, folder: Path, n: int) -> Path:
    """Return a folder of *n* copies of a video."""
    folder.mkdir()
    for i in range(n):
        os.link(library.clips / "magenta.mp4", folder / f"{i:02}.mp4")
    return folder


def require_whole(out: Path) -> int:
    """Return how many reports there are, each with all its artifacts."""
    reports = list(out.glob("*/report.json"))
    for path in reports:
        assert all((path.parent / name).is_file() for _, name in read(path).artifacts)
    return len(reports)


def test_an_interrupt_ends_cleanly(library: Library, tmp_path: Path) -> None:
    words = library.scan_words(tmp_path / "out", copies(library, tmp_path / "many", 60))
    with start(words) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate()

    assert process.returncode == 130
    assert complaints.decode().startswith("heatreel: interrupted")
    assert "Traceback" not in complaints.decode()
    assert 0 < require_whole(tmp_path / "out") < 60
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_killed_scan_leaves_no_half_report_and_goes_on_where_it_was(
    library: Library, tmp_path: Path
) -> None:
    many = copies(library, tmp_path / "many", 60)
    with start(library.scan_words(tmp_path / "out", many)) as process:
        assert process.stdout
        process.stdout.readline()
        process.kill()
    finished = require_whole(tmp_path / "out")
    assert 0 < finished < 60
    for path in sorted(many.iterdir())[finished + 2 :]:
        path.unlink()

    result = library.scan(tmp_path / "out", many)

    assert result.stdout.count("(unchanged)") == finished
    assert require_whole(tmp_path / "out") == finished + 2
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_reader_who_leaves_is_no_fault(library: Library, tmp_path: Path) -> None:
    with start(library.scan_words(tmp_path / "out", library.clips)) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        complaints = process.stderr.read()

    assert b"Traceback" not in complaints
    assert process.returncode == 141


def test_a_terminal_that_has_no_arrows_gets_them_escaped(
    library: Library, scanned: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with start(library.scan_words(scanned[0], library.clips / "plain.mp4")) as process:
        printed, _ = process.communicate()

    assert process.returncode == 0
    assert rb"\u2192" in printed


def test_a_terminal_shows_a_bar_and_never_breaks_a_line(library: Library, tmp_path: Path) -> None:
    terminal, inside = pty.openpty()
    words = library.scan_words(tmp_path / "out", library.clips / "plain.mp4")
    with start(words, to=inside):
        os.close(inside)
        shown = b"".join(iter(partial(read_terminal, terminal), b""))
    os.close(terminal)

    assert f"PASS   0.04 nothing reached a threshold  {library.clips}/plain.mp4" in shown.decode()
    assert f"{tmp_path}/out/plain/heatmap.png\r\n" in shown.decode()
    assert "100%" in shown.decode()


def read_terminal(terminal: int) -> bytes:
    """Return what stands on a terminal, nothing once nobody writes to it any more."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_the_wall_is_one_picture_of_all_reports(
    scanned: tuple[Path, Result], tmp_path: Path
) -> None:
    result = heatreel("wall", str(scanned[0]), "-o", str(tmp_path / "wall.png"))

    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'wall.png'}\n"
    assert (tmp_path / "wall.png").read_bytes().startswith(b"\x89PNG")


def test_a_wall_of_nothing_is_bad_input(tmp_path: Path) -> None:
    result = heatreel("wall", str(tmp_path))

    assert result.exit_code == 2
    assert result.stderr == f"heatreel: {tmp_path}: no reports there\n"


def test_a_damaged_report_is_told_and_the_others_are_on_the_wall(
    scanned: tuple[Path, Result], tmp_path: Path
) -> None:
    shutil.copytree(scanned[0], tmp_path / "out")
    (tmp_path / "out" / "plain" / "report.json").write_text("{")
    result = heatreel("wall", str(tmp_path / "out"))

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "out" / "wall.png").exists()


def test_the_models_are_listed() -> None:
    result = heatreel("models")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "open-nsfw", "efficientnet-lite0",
    ]  # fmt: skip


def test_the_version_is_the_projects() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", heatreel("version").stdout)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130])
def test_the_help_says_what_the_exit_codes_mean(code: int) -> None:
    assert re.search(rf"\s{code}  \w", heatreel("scan", "--help").stdout)


@pytest.mark.slow
def test_the_demo_names_the_pictures_it_wrote(library: Library, tmp_path: Path) -> None:
    result = heatreel("demo", str(library.clips / "plain.mp4"), "--out", str(tmp_path / "demo"))
    named = [Path(line.strip()) for line in result.stdout.partition("Look at:\n")[2].splitlines()]

    assert result.exit_code == 0
    assert {path.name for path in named} == {"heatmap.png", "strip.png"}
    assert len(named) == 4
    assert all(path.is_file() for path in named)
