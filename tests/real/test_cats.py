"""The chain with a real model on real pictures: when is the cat in the video?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workers.demo import make_demo_video

HEATREEL = Path(sys.executable).with_name("heatreel")
TRUTH_MS = [(16_000, 20_000), (35_000, 35_500)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a scan of the demo video under the policy `cats`, by the installed command."""
    folder = tmp_path_factory.mktemp("cats")
    make_demo_video(folder / "demo.mp4")
    asked: list[str | Path] = [
        HEATREEL,
        "scan",
        folder / "demo.mp4",
        "--out",
        folder / "out",
        "--policy",
        "cats",
    ]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("REVIEW 0.9")
    return folder / "out" / "demo"


def test_the_cat_is_found_where_it_is(out: Path) -> None:
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))

    found = [(segment["start_ms"], segment["end_ms"]) for segment in report["segments"]]

    assert len(found) == len(TRUTH_MS)
    for (start_ms, end_ms), (true_start_ms, true_end_ms) in zip(found, TRUTH_MS, strict=True):
        assert start_ms == pytest.approx(true_start_ms, abs=100)
        assert end_ms == pytest.approx(true_end_ms, abs=100)
    assert all(segment["is_confirmed"] for segment in report["segments"])
    assert (report["verdict"], report["sampler"]["coverage"]) == ("review", 1.0)


def test_the_pictures_are_beside_the_report(out: Path) -> None:
    names = {path.name for path in out.iterdir()}

    assert {"report.json", "frames.parquet", "heatmap.png", "heatmap.json", "strip.png"} == names
