"""Where the outputs of each video go: never over another's, and the same place every time."""

import hashlib
from pathlib import Path

import pytest

from pipeline.outputs.report_json import write
from pipeline.records import (
    Judgement,
    ModelFacts,
    Outcome,
    Reason,
    ReasonKind,
    Report,
    Timings,
    Verdict,
    VideoFacts,
)
from workers.folders import choose_folder, find_namesakes, identify

OUT = "out"


def file(folder: Path, video: Path, submission_id: str, *, is_video: bool = True) -> None:
    """Put a report of *video* into *folder*."""
    facts = VideoFacts("mp4", "h264", 1, 1, 1, 0, 25.0, is_vfr=False, streams=1)
    verdict = Verdict(Outcome.ERROR, 0, (Reason(ReasonKind.UNREADABLE),))
    report = Report(
        submission_id=submission_id,
        tag="",
        source=video,
        video=facts if is_video else None,
        model=ModelFacts("m", "1", "aa", ()),
        policy_id="p",
        policy_version=1,
        policy_sha256="bb",
        max_gap_ms=1_000,
        judgement=Judgement(verdict, (), (), (), (), 0.0, 0, 0),
        artifacts=(),
        timings=Timings(0.0, 0.0, 0.0),
    )
    folder.mkdir(parents=True)
    (folder / "report.json").write_bytes(write(report))


def choose(out: Path, video: str, digest: str, *, has_namesake: bool = False) -> str:
    """Return the name of the folder that is chosen."""
    folder = choose_folder(out, Path(video), f"sha256:{digest}", has_namesake=has_namesake)
    assert folder.parent == out
    return folder.name


def test_a_video_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"abc")

    assert identify(tmp_path / "a.mp4") == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


def test_bytes_that_cannot_be_read_are_known_by_their_path(tmp_path: Path) -> None:
    ids = {identify(tmp_path / "a.mp4"), identify(tmp_path / "b.mp4")}

    assert len(ids) == 2
    assert all(one.startswith("unread:") for one in ids)


@pytest.mark.parametrize(
    ("videos", "namesakes"),
    [
        pytest.param(["a/x.mp4", "b/y.mp4"], [], id="none"),
        pytest.param(["a/x.mp4", "b/x.mp4", "y.mp4"], ["a/x.mp4", "b/x.mp4"], id="two-folders"),
        pytest.param(["x.mp4", "x.mov"], ["x.mp4", "x.mov"], id="two-endings"),
        pytest.param(["x.mp4", "X.mp4"], ["x.mp4", "X.mp4"], id="two-cases"),
        pytest.param(["x?.mp4", "x!.mp4"], ["x?.mp4", "x!.mp4"], id="two-names-made-safe"),
    ],
)
def test_videos_that_want_the_same_folder(videos: list[str], namesakes: list[str]) -> None:
    assert find_namesakes([Path(one) for one in videos]) == {Path(one) for one in namesakes}


def test_a_folder_is_called_after_the_file(tmp_path: Path) -> None:
    assert choose(tmp_path, "clips/cat.mp4", "1234567890") == "cat"


def test_namesakes_are_told_apart_by_their_content(tmp_path: Path) -> None:
    assert choose(tmp_path, "a/cat.mp4", "1234567890", has_namesake=True) == "cat-12345678"


def test_a_video_goes_where_it_was_filed_before_without_its_namesake(tmp_path: Path) -> None:
    file(tmp_path / "cat-12345678", Path("a/cat.mp4"), "sha256:1234567890")

    assert choose(tmp_path, "a/cat.mp4", "1234567890") == "cat-12345678"


def test_a_video_stays_where_it_is_when_a_namesake_comes(tmp_path: Path) -> None:
    file(tmp_path / "cat", Path("a/cat.mp4"), "sha256:1234567890")

    assert choose(tmp_path, "a/cat.mp4", "1234567890", has_namesake=True) == "cat"
    assert choose(tmp_path, "b/cat.mp4", "aaaaaaaaaa", has_namesake=True) == "cat-aaaaaaaa"


def test_the_report_of_a_file_elsewhere_is_not_written_over(tmp_path: Path) -> None:
    file(tmp_path / "cat", Path("a/cat.mp4"), "sha256:1234567890")

    assert choose(tmp_path, "b/cat.mp4", "aaaaaaaaaa") == "cat-aaaaaaaa"


def test_a_file_that_has_changed_keeps_its_folder(tmp_path: Path) -> None:
    file(tmp_path / "cat", Path("a/cat.mp4"), "sha256:1234567890")

    assert choose(tmp_path, "a/cat.mp4", "aaaaaaaaaa") == "cat"


def test_a_file_that_was_no_video_keeps_its_folder_when_it_is_mended(tmp_path: Path) -> None:
    file(tmp_path / "cat", Path("a/cat.mp4"), "sha256:1234567890", is_video=False)

    assert choose(tmp_path, "a/cat.mp4", "aaaaaaaaaa") == "cat"


def test_the_report_of_a_file_elsewhere_that_is_no_video_is_not_written_over(
    tmp_path: Path,
) -> None:
    file(tmp_path / "cat", Path("a/cat.mp4"), "sha256:1234567890", is_video=False)

    assert choose(tmp_path, "b/cat.mp4", "aaaaaaaaaa") == "cat-aaaaaaaa"
