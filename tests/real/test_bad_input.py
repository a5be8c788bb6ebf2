"""Bad input: nothing of it is passed, each says why in one line, and the rest of a batch goes on.

The files are scanned as a user would, by the installed command, a folder of them at once.
"""

import ctypes
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import pipeline.policies
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.outputs.report_json import read
from pipeline.policies.read import find_policy
from pipeline.records import Outcome
from pipeline.scan import Scan
from pipeline.scoring.session import Scorer
from tests.films import Incident
from tests.models import write_colour_model
from tests.real.bad_files import (
    B_FRAMES,
    DURATION_MS,
    FASTSTART,
    FRAGMENTED,
    INCIDENT,
    MJPEG,
    MPEG2,
    RATE_HZ,
    SIZE,
    X264,
    cut,
    hide_start,
    patch,
    picture_file,
    pictures,
    remux,
    retimed,
    scribble,
    set_times,
    shuffled,
    without,
    write_clean,
    write_huge,
    write_magenta,
    write_sound,
    write_streamed,
    write_two_sizes,
    write_with_cover,
    write_with_reference,
)
from tests.scanning import colour_policy, scan

HEATREEL = Path(sys.executable).parent / "heatreel"
POLICY = (
    (Path(pipeline.policies.__file__).parent / "nudity.toml")
    .read_text(encoding="utf-8")
    .replace('"open-nsfw"', '"colour"')
    .replace("[rules.nudity]", "[rules.magenta]")
    .replace('["nsfw"]', '["magenta"]')
)
VP9 = Encoding(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
GIF = Encoding(codec="gif", pixel_format="rgb8", rate_hz=RATE_HZ)
FULL_S = 7 * 3600 * RATE_HZ
WRONG_NAME = "^is (no video|in no container format) that Heatreel reads"
DECOYS = ("decoy.mp4", "decoy.ts", "img1.png")
MEMORY_KB = 700_000


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad file.

    Attributes:
        write: makes it.
        outcome: the verdict that it gets.
        why: a pattern that one of the reasons matches.
    """

    write: Callable[[Path], object]
    outcome: Outcome
    why: str


def error(write: Callable[[Path], object], why: str) -> Bad:
    return Bad(write, Outcome.ERROR, why)


def doubt(write: Callable[[Path], object], why: str) -> Bad:
    return Bad(write, Outcome.REVIEW, why)


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content, encoding="utf-8")


def damaged(
    damage: Callable[[Path], None], encoding: Encoding = X264, container: str | None = None
) -> Callable[[Path], object]:
    return lambda path: damage(write_clean(path, encoding, container=container))


def playlist(address: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{address}\n#EXT-X-ENDLIST\n"


NO_VIDEO = {
    "zero.mp4": error(lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
    "text.mp4": error(text("This is no video.\n" * 99), WRONG_NAME),
    "png.mp4": error(lambda path: path.write_bytes(picture_file(".png")), WRONG_NAME),
    "jpeg.mp4": error(lambda path: path.write_bytes(picture_file(".jpg")), WRONG_NAME),
    "sound.mp4": error(write_sound, "has no video stream"),
    "memory.mp4": error(lambda path: path.symlink_to("/proc/self/mem"), "is empty|cannot be"),
}
CUT = {
    "cut-index-last.mp4": error(damaged(cut), WRONG_NAME),
    "cut-index-first.mp4": doubt(
        lambda path: cut(write_clean(path, options=FASTSTART)), "only 10. of 150 declared frames"
    ),
    "cut-fragments.mp4": doubt(
        lambda path: cut(write_clean(path, options=FRAGMENTED)), r"the frames end at 4\.\d+ s of"
    ),
    "cut.mkv": doubt(damaged(cut), r"the frames end at 4\.\d+ s of the declared 6 s"),
    "cut.webm": doubt(damaged(cut, VP9), r"the frames end at [34].* s of the declared 6 s"),
    "cut.flv": doubt(damaged(cut), "the frames end at"),
    "cut.avi": doubt(damaged(cut), "declared frames are in the file"),
    "cut.ts": doubt(damaged(cut), "1 decoded pictures are damaged"),
    "cut.mpg": doubt(damaged(cut, MPEG2, "mpeg"), "frames are incomplete"),
    "cut.nut": doubt(damaged(cut), "1 decoded pictures are damaged"),
}
NOISE = {
    "noise.mp4": doubt(damaged(scribble), r"\d\d packets could not be decoded"),
    "noise.mkv": doubt(damaged(scribble), "no frames from 2.* s to 4 s"),
    "noise.flv": doubt(damaged(scribble), "no frames from"),
    "noise.ts": doubt(damaged(scribble), "frames are incomplete"),
    "noise.avi": doubt(damaged(scribble), "only 130 of 150 declared frames"),
}
SHAPE = {
    "one-frame.mp4": doubt(lambda p: write_video(p, pictures()[:1], X264), "holds a single frame"),
    "one-frame.gif": doubt(lambda p: write_video(p, pictures()[:1], GIF), "holds a single frame"),
    "streamed.mkv": doubt(write_streamed, "does not say how long it is"),
    "raw-h264.mp4": doubt(
        lambda path: write_clean(path, container="h264"), "150 frames have no timestamp"
    ),
    "huge.mov": error(lambda p: write_huge(p, is_declared=True), "within 36,000,000 pixels"),
    "huge-in-small.mov": error(
        lambda p: write_huge(p, is_declared=False), "within 36,000,000 pixels"
    ),
}


def in_matroska(change: Callable[[int], int | None]) -> Callable[[Path], object]:
    return lambda path: remux(path, retimed(change), "matroska")


TIMES = {
    "equal.mkv": doubt(in_matroska(lambda _i: 50), "149 frames have the timestamp of another"),
    "back.mkv": doubt(in_matroska(lambda i: i - 60 * (i >= 75)), "timestamps go backwards"),
    "reversed.mkv": doubt(in_matroska(lambda i: 150 - i), "timestamps go backwards"),
    "shuffled.mkv": doubt(in_matroska(shuffled), "have the timestamp of another"),
    "none.mkv": doubt(in_matroska(lambda i: None if i % 3 else i), "frames have no timestamp"),
    "jump.mkv": doubt(in_matroska(lambda i: i + 1500 * (i >= 75)), "no frames from 2.96 s to 63 s"),
    "far-jump.mkv": error(in_matroska(lambda i: i + FULL_S * (i >= 75)), "lasts .* more than"),
    "back.ts": doubt(
        lambda path: remux(path, retimed(lambda i: i - 60 * (i >= 75)), "mpegts"),
        "decoded pictures are out of order",
    ),
    "hole.ts": doubt(lambda p: remux(p, without(50, 75), "mpegts"), "no frames from 1.96 s to 3 s"),
    "huge-steps.mp4": error(lambda path: set_times(path, 0x7FFFFFFF), "lasts .* more than 21600"),
    "negative-steps.mp4": doubt(lambda path: set_times(path, 0xFFFFFFFF), "out of order"),
    "no-steps.mp4": doubt(lambda path: set_times(path, 0), "149 frames have the timestamp"),
    "more-declared.mp4": doubt(
        lambda path: patch(write_clean(path), b"stsz", 8, struct.pack(">I", 50)), "only 50 of 150"
    ),
}
SCRIPTS = {
    "concat.mp4": error(text("ffconcat version 1.0\nfile decoy.mp4\n"), WRONG_NAME),
    "playlist.mp4": error(text(playlist("decoy.ts")), WRONG_NAME),
    "address.mp4": error(text(playlist("http://127.0.0.1:PORT/decoy.ts")), WRONG_NAME),
    "session.mp4": error(
        text(
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
        ),
        WRONG_NAME,
    ),
    "manifest.mp4": error(
        text(
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
            '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
            "<BaseURL>decoy.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
        ),
        WRONG_NAME,
    ),
    "img%d.png.mp4": error(lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), WRONG_NAME),
    "reference.mov": error(
        lambda path: write_with_reference(path, path.with_name("decoy.mp4")), "holds no frames"
    ),
}
BAD = NO_VIDEO | CUT | NOISE | SHAPE | TIMES | SCRIPTS
# What names would mean to FFmpeg, a shell or a terminal; the files are sound.
NAMES = (
    b"http:x.mp4", b"concat:a.mp4|b.mp4", b"pipe:0.mp4", b"-i.mp4", b"--help.mp4", b"caf\xe9.mp4",
    b"a\nb\x1b[2J.mp4", b"%03d.mp4", b"subfile,,start,0,end,9,,:x.mp4", b"[*].mp4", b"$(id).mp4",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of the command came to."""

    exit_code: int
    stderr: str
    lines: tuple[dict[str, Any], ...]
    memory_kb: int

    def line_of(self, name: str) -> dict[str, Any]:
        """Return the report of the file of this name."""
        (found,) = (one for one in self.lines if Path(one["source"]).name == name)
        return found


# The peak of a child counts what its parent had when it was started: so the parent must be small.
WITNESS = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Desk:
    """A model, a policy, and the command that scans with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = write_colour_model(folder)
        self.policy = folder / "magenta.toml"
        self.policy.write_text(POLICY, encoding="utf-8")

    def words(self, out: Path, *paths: str | Path) -> list[str]:
        """Return the words that scan *paths*."""
        options = ("--model", self.model, "--policy", self.policy, "--device", "cpu", "--json")
        return [str(word) for word in (HEATREEL, "scan", *options, "--out", out, "--", *paths)]

    def run(self, out: Path, *paths: str | Path, cwd: Path | None = None) -> Run:
        """Scan *paths* and wait for the end."""
        with (
            (self.folder / "stdout").open("w+b") as stdout,
            (self.folder / "err").open("w+b") as err,
        ):
            words = self.words(out, *paths)
            said = out.with_name(f"{out.name}.kb")
            witness = [sys.executable, "-c", WITNESS, str(said)]
            code = subprocess.run(  # noqa: S603 - our own words
                [*witness, *words], stdout=stdout, stderr=err, cwd=cwd, check=False
            ).returncode
            stdout.seek(0)
            err.seek(0)
            lines = tuple(json.loads(line) for line in stdout.read().splitlines())
            return Run(code, err.read().decode(), lines, int(said.read_text()))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@dataclass(frozen=True, slots=True)
class Ordeal:
    """All bad files scanned in one run, and what else was touched meanwhile.

    Attributes:
        run: what came of it.
        opened: names of the decoys that somebody opened.
        has_caller: whether somebody called the address that a playlist names.
    """

    run: Run
    opened: frozenset[str]
    has_caller: bool


@pytest.fixture(scope="module")
def ordeal(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """Scan a folder of all bad files, with what is no file at all among them."""
    folder = tmp_path_factory.mktemp("bad")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        for name, bad in BAD.items():
            bad.write(folder / name)
        address = folder / "address.mp4"
        address.write_text(address.read_text().replace("PORT", str(server.getsockname()[1])))
        add_decoys(folder)
        add_what_is_no_file(folder)
        write_clean(folder / "zz-good.mp4")
        asked = [path for path in sorted(folder.iterdir()) if path.name not in DECOYS]
        with watched(*(folder / name for name in DECOYS)) as opened:
            run = desk.run(folder / "out", *asked, folder / "missing.mp4")
            found = opened()
        return Ordeal(run, found, has_caller=was_called(server))


def add_decoys(folder: Path) -> None:
    """Put there what scripts name: videos of nothing but the incident."""
    write_magenta(folder / "decoy.mp4")
    write_magenta(folder / "decoy.ts")
    (folder / "img1.png").write_bytes(picture_file(".png"))


def add_what_is_no_file(folder: Path) -> None:
    """Put there what is called a video and has no bytes, or no end of them."""
    os.mkfifo(folder / "pipe.mp4")
    (folder / "nowhere.mp4").symlink_to("not-there.mp4")
    (folder / "endless.mp4").symlink_to("/dev/zero")
    (folder / "folder.mp4").mkdir()
    here = Path.cwd()
    os.chdir(folder)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as plug:
            plug.bind("socket.mp4")
    finally:
        os.chdir(here)


@contextmanager
def watched(*paths: Path) -> Iterator[Callable[[], frozenset[str]]]:
    """Yield what tells which of *paths* have been opened since, by anybody."""
    if sys.platform != "linux":
        pytest.skip("who opens a file is known on Linux only")
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    in_open = 0x20
    watches = {libc.inotify_add_watch(handle, os.fsencode(path), in_open): path for path in paths}
    try:
        yield lambda: frozenset(watches[number].name for number in _events(handle))
    finally:
        os.close(handle)


def _events(handle: int) -> Iterator[int]:
    """Yield the number of the watch of each event that has come."""
    try:
        content = os.read(handle, 1 << 16)
    except BlockingIOError:
        return
    while content:
        number, _, _, length = struct.unpack_from("iIII", content)
        yield number
        content = content[16 + length :]


def was_called(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_not_passed_and_says_why(name: str, ordeal: Ordeal) -> None:
    found = ordeal.run.line_of(name)
    details = [one.get("detail", "") for one in found["reasons"]]

    assert found["verdict"] == BAD[name].outcome
    assert any(re.search(BAD[name].why, detail) for detail in details), details
    assert all(detail.isprintable() for detail in details)


def test_nothing_in_a_bad_file_is_taken_for_an_incident(ordeal: Ordeal) -> None:
    assert [one["source"] for one in ordeal.run.lines if one["segments"]] == []


def test_an_error_says_that_nothing_was_seen(ordeal: Ordeal) -> None:
    errors = [one for one in ordeal.run.lines if one["verdict"] == "error"]

    assert all(one["sampler"]["coverage"] == 0.0 for one in errors)
    assert all(one["sampler"]["frames_scored"] == 0 for one in errors)


def test_the_rest_of_the_batch_goes_on(ordeal: Ordeal) -> None:
    assert len(ordeal.run.lines) == len(BAD) + 1
    assert ordeal.run.line_of("zz-good.mp4")["verdict"] == "pass"
    assert ordeal.run.exit_code == 2


def test_what_is_no_file_is_one_line_each_and_never_waited_for(ordeal: Ordeal) -> None:
    faults = [line.rpartition("/")[2] for line in ordeal.run.stderr.splitlines()]

    assert sorted(faults) == [
        "endless.mp4: no file, but a device or a pipe",
        "folder.mp4: no videos there",
        "missing.mp4: no such file or folder",
        "nowhere.mp4: a link to nothing",
        "pipe.mp4: no file, but a device or a pipe",
        "socket.mp4: no file, but a device or a pipe",
    ]


def test_no_other_file_is_opened_and_nobody_is_called(ordeal: Ordeal) -> None:
    assert ordeal.opened == frozenset()
    assert not ordeal.has_caller


def test_whoever_opens_a_decoy_is_seen(tmp_path: Path) -> None:
    """The watch itself works."""
    (tmp_path / "decoy").write_bytes(b"")
    with watched(tmp_path / "decoy") as opened:
        assert opened() == frozenset()
        (tmp_path / "decoy").read_bytes()
        assert opened() == {"decoy"}


def test_memory_is_bounded_whatever_the_files_claim(ordeal: Ordeal) -> None:
    assert ordeal.run.memory_kb < MEMORY_KB


def test_a_name_means_nothing_but_itself(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "names"
    folder.mkdir()
    for name in NAMES:
        write_video(folder / "source.mp4", pictures()[:10], X264)
        (folder / "source.mp4").rename(folder / os.fsdecode(name))
    write_magenta(folder / "a.mp4")
    names = [os.fsdecode(name) for name in NAMES]
    run = desk.run(tmp_path / "out", *names, cwd=folder)

    assert run.stderr == ""
    assert [one["verdict"] for one in run.lines] == ["pass"] * len(NAMES)
    reports = [read(path) for path in (tmp_path / "out").glob("*/report.json")]
    assert {str(report.source) for report in reports} <= set(names)
    assert run.exit_code == 0


LIMITS = {
    "max_pixels": (SIZE[0] * SIZE[1], "has 160x90 pixels, more than 14,399"),
    "max_duration_ms": (DURATION_MS, "lasts 6 s, more than 5.999 s"),
    "max_frames": (150, "has more than 149 frames"),
}


def policy_with(folder: Path, limit: str, value: float) -> Path:
    """Write a policy with one other limit."""
    path = folder / "limited.toml"
    changed, count = re.subn(rf"(?m)^{limit} = \S+", f"{limit} = {value}", POLICY)
    assert count == 1
    path.write_text(changed, encoding="utf-8")
    return path


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_of_the_policy_is_kept_to_the_last(
    limit: str, colour: Scorer, tmp_path: Path
) -> None:
    value, why = LIMITS[limit]
    path = write_clean(tmp_path / "film.mp4")
    within = find_policy(str(policy_with(tmp_path, limit, value)))
    assert scan(path, within, colour).report.judgement.verdict.outcome is Outcome.PASS
    beyond = find_policy(str(policy_with(tmp_path, limit, value - 1)))
    verdict = scan(path, beyond, colour).report.judgement.verdict

    assert verdict.outcome is Outcome.ERROR
    assert [(reason.kind, reason.detail) for reason in verdict.reasons] == [("limit", why)]


def test_a_video_may_take_no_more_cpu_than_the_policy_allows(
    colour: Scorer, tmp_path: Path
) -> None:
    path = write_clean(tmp_path / "film.mp4")
    policy = find_policy(str(policy_with(tmp_path, "max_cpu_s", 0.001)))
    verdict = scan(path, policy, colour).report.judgement.verdict

    assert verdict.outcome is Outcome.ERROR
    assert verdict.reasons[0].detail == "takes more than 0.001 CPU seconds"


H265_10_BIT = Encoding(
    codec="libx265",
    rate_hz=RATE_HZ,
    pixel_format="yuv420p10le",
    keyframe_interval=RATE_HZ,
    options={"preset": "ultrafast", "x265-params": "log-level=none"},
)
INTERLACED = replace(
    X264, options={"preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"}
)
SOUND = {
    "b-frames.mp4": B_FRAMES,
    "b-frames.avi": B_FRAMES,
    "b-frames.mkv": B_FRAMES,
    "b-frames.flv": B_FRAMES,
    "divx.avi": Encoding(codec="mpeg4", rate_hz=RATE_HZ, b_frames=2, keyframe_interval=RATE_HZ),
    "late.ts": replace(B_FRAMES, start_ms=7_000),
    "late.mkv": replace(B_FRAMES, start_ms=7_000),
    "late.mp4": replace(B_FRAMES, start_ms=7_000),
    "ten-bits.mkv": H265_10_BIT,
    "animation.gif": GIF,
    "vp9.webm": VP9,
    "turned.mp4": replace(X264, rotation_deg=90),
    "intra.avi": MJPEG,
    "mpeg2.ts": MPEG2,
}


def require_incident(found: Scan, *, stream: int = 0, after_ms: int = 0) -> None:
    """The incident is the one segment, within 100 ms of where it was planted."""
    (segment,) = found.report.judgement.segments
    assert segment.stream == stream
    assert segment.start_ms == pytest.approx(INCIDENT.start_ms + after_ms, abs=100)
    assert segment.end_ms == pytest.approx(INCIDENT.end_ms + after_ms, abs=100)
    assert found.report.judgement.verdict.outcome is Outcome.REVIEW


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_video_of_any_kind_is_judged_as_what_it_is(
    name: str, colour: Scorer, tmp_path: Path
) -> None:
    incidents, clean = tmp_path / name, tmp_path / f"clean-{name}"
    write_video(incidents, pictures(INCIDENT), SOUND[name])
    write_clean(clean, SOUND[name])
    found = scan(incidents, colour_policy(), colour)
    verdict = scan(clean, colour_policy(), colour).report.judgement.verdict

    require_incident(found)
    assert [reason.kind for reason in found.report.judgement.verdict.reasons] == ["threshold"]
    assert (verdict.outcome, verdict.reasons) == (Outcome.PASS, ())


def test_interlaced_frames_are_read_right(colour: Scorer, tmp_path: Path) -> None:
    shown = pictures(INCIDENT, size=(2 * SIZE[0], 2 * SIZE[1]))
    write_video(tmp_path / "interlaced.mp4", shown, INTERLACED)

    require_incident(scan(tmp_path / "interlaced.mp4", colour_policy(), colour))


def test_a_header_that_lies_about_the_size_is_not_believed(colour: Scorer, tmp_path: Path) -> None:
    path = write_clean(tmp_path / "film.mp4")
    patch(path, b"avc1", 24, struct.pack(">HH", 16_000, 16_000))
    report = scan(path, colour_policy(), colour).report

    assert report.judgement.verdict.outcome is Outcome.PASS
    assert report.video
    assert (report.video.width, report.video.height) == SIZE


def test_odd_sizes_are_read_right(colour: Scorer, tmp_path: Path) -> None:
    odd = replace(X264, pixel_format="yuv444p")
    write_video(tmp_path / "odd.mp4", pictures(INCIDENT, size=(333, 187)), odd)
    found = scan(tmp_path / "odd.mp4", colour_policy(), colour)

    require_incident(found)
    assert found.report.video
    assert (found.report.video.width, found.report.video.height) == (333, 187)


def test_a_turned_picture_is_turned_once(colour: Scorer, tmp_path: Path) -> None:
    write_clean(tmp_path / "turned.mp4", replace(X264, rotation_deg=90))
    video = scan(tmp_path / "turned.mp4", colour_policy(), colour).report.video

    assert video
    assert (video.width, video.height, video.rotation_deg) == (SIZE[1], SIZE[0], 90)


def test_without_presentation_times_the_order_of_being_shown_is_kept(
    colour: Scorer, tmp_path: Path
) -> None:
    write_video(tmp_path / "raw.h264", pictures(INCIDENT), B_FRAMES)

    require_incident(scan(tmp_path / "raw.h264", colour_policy(), colour))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_what_only_the_second_stream_shows_is_found(
    ending: str, colour: Scorer, tmp_path: Path
) -> None:
    path = tmp_path / f"two.{ending}"
    write_streams(path, [(pictures(), X264), (pictures(INCIDENT), B_FRAMES)])

    require_incident(scan(path, colour_policy(), colour), stream=1)


@pytest.mark.parametrize("encoding", [X264, B_FRAMES], ids=["plain", "b-frames"])
def test_what_an_edit_list_hides_is_found(
    encoding: Encoding, colour: Scorer, tmp_path: Path
) -> None:
    path = hide_start(tmp_path / "hidden.mp4", encoding, INCIDENT)

    require_incident(scan(path, colour_policy(), colour))


def test_what_comes_after_a_change_of_size_is_found(colour: Scorer, tmp_path: Path) -> None:
    path = write_two_sizes(tmp_path / "sizes.ts", INCIDENT)

    require_incident(scan(path, colour_policy(), colour), after_ms=DURATION_MS)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_cover_is_looked_at_and_leaves_the_video_what_it_is(
    ending: str, colour: Scorer, tmp_path: Path
) -> None:
    path = write_with_cover(tmp_path / f"cover.{ending}", cover=pictures()[40])
    report = scan(path, colour_policy(), colour).report

    assert report.judgement.verdict.outcome is Outcome.PASS
    assert report.video
    assert (report.video.codec, report.video.streams) == ("h264", 2)


def test_a_cover_that_shows_the_incident_is_seen_by_a_person(
    colour: Scorer, tmp_path: Path
) -> None:
    cover = pictures(INCIDENT)[60]
    path = write_with_cover(tmp_path / "cover.mp4", cover=cover)
    judgement = scan(path, colour_policy(), colour).report.judgement

    assert judgement.verdict.outcome is Outcome.REVIEW
    assert {reason.category for reason in judgement.verdict.reasons} == {"magenta"}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sound videos and a bad one."""
    folder = tmp_path_factory.mktemp("shelf")
    for i in range(3):
        incident = Incident(1_000 * i, 1_000 * i + 800)
        write_video(folder / f"{i}.mp4", pictures(incident), X264)
    (folder / "bad.mp4").write_text("no video")
    return folder


def without_timings(run: Run) -> list[dict[str, Any]]:
    return [{k: v for k, v in one.items() if k not in {"timings", "folder"}} for one in run.lines]


def require_whole(out: Path) -> None:
    """Every file under its own name can be read to its end."""
    for path in (path for path in out.rglob("*") if path.is_file() and path.suffix != ".part"):
        match path.name:
            case "report.json":
                assert all((path.parent / name).exists() for _, name in read(path).artifacts)
            case "frames.parquet":
                pd.read_parquet(path)
            case "heatmap.json":
                json.loads(path.read_bytes())
            case _:
                with Image.open(path) as picture:
                    picture.load()


def pace_of(words: list[str]) -> float:
    """Run a scan to its end and return how many seconds it takes from one video to the next."""
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout
        times = [time.monotonic() for _ in process.stdout]
    return (times[-1] - times[0]) / (len(times) - 1)


def kill_after(words: list[str], lines: int, wait_s: float) -> None:
    """Start a scan and kill it some time after so many of its videos are done."""
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(wait_s)
        process.kill()


@pytest.mark.soak
def test_a_killed_scan_leaves_nothing_half_done_and_the_next_completes_it(
    desk: Desk, shelf: Path, tmp_path: Path
) -> None:
    pace_s = pace_of(desk.words(tmp_path / "calm", shelf))
    undisturbed = desk.run(tmp_path / "calm", shelf)
    words = desk.words(tmp_path / "out", shelf)
    words.insert(2, "--force")
    rng = np.random.default_rng(20)
    for _ in range(10):
        kill_after(words, int(rng.integers(1, 3)), rng.uniform(0, 1.5 * pace_s))
        require_whole(tmp_path / "out")
    after = desk.run(tmp_path / "out", shelf)

    assert without_timings(after) == without_timings(undisturbed)
    require_whole(tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.part"))


def report_times(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/report.json")}


def test_only_what_has_changed_is_scanned_again(shelf: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    clips, out = tmp_path / "clips", tmp_path / "out"
    shutil.copytree(shelf, clips)
    first = desk.run(out, clips)
    times = report_times(out)
    second = desk.run(out, clips)
    assert second.lines == first.lines
    assert report_times(out) == times

    content = bytearray((clips / "1.mp4").read_bytes())
    content[-1] ^= 1
    (clips / "1.mp4").write_bytes(content)
    desk.run(out, clips)
    changed = {name for name, at_ns in report_times(out).items() if at_ns != times[name]}
    assert changed == {"1"}

    desk.policy.write_text(POLICY.replace("version = 1 ", "version = 2 "), encoding="utf-8")
    desk.run(out, clips)
    assert all(at_ns != times[name] for name, at_ns in report_times(out).items())
