"""`heatreel ood` and `heatreel scan --bank`, as their users type them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from pipeline.learning.bank_file import read_detector
from pipeline.media.encode import Encoding, write_video
from pipeline.outputs.report_json import read
from tests.films import Pixels, even_ms, film
from tests.models import write_colour_model
from tests.tints import CROPS, write_crops, write_tint_model
from tests.workers.test_cli import POLICY
from workers.cli import app

HOW = Encoding(rate_hz=10, keyframe_interval=20, options={"preset": "ultrafast"})
SIX_S = even_ms(6_000, 10)


def heatreel(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def blue_film() -> Iterator[Pixels]:
    for pixels in film(SIX_S, size=(160, 90)):
        shown = pixels // 3
        shown[..., 2] += 150
        yield shown


class House:
    """A folder with crops of photographs, two films, a model, a policy and a bank."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.crops = write_crops(folder / "crops")
        self.plain, self.blue = folder / "plain.mkv", folder / "blue.mkv"
        write_video(self.plain, film(SIX_S, size=(160, 90)), HOW)
        write_video(self.blue, blue_film(), HOW)
        self.model = write_tint_model(folder)
        self.policy = folder / "policy.toml"
        self.policy.write_text(POLICY.replace('"colour"', '"tint"'), encoding="utf-8")
        self.bank = folder / "bank.npz"
        self.fitted = self.fit(self.crops, "--out", self.bank)

    def fit(self, *words: str | Path) -> Result:
        return heatreel("ood", "fit", "--model", self.model, "--policy", self.policy, *words)

    def score(self, *words: str | Path) -> Result:
        setup = ("--model", self.model, "--policy", self.policy)
        return heatreel("ood", "score", self.bank, *words, *setup)

    def scan(self, out: Path, *words: str | Path) -> Result:
        setup = ("--model", self.model, "--policy", self.policy, "--device", "cpu")
        return heatreel("scan", "--out", out, *setup, *words)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"))


class TestFitting:
    """A folder becomes a bank, or one line says why not."""

    def test_a_bank_is_written_and_says_what_it_is_made_of(self, house: House) -> None:
        assert (house.fitted.exit_code, house.fitted.stderr) == (0, "")
        assert (
            f"{house.bank}: tint, knn, 25 frames of 25 files; a frame above " in house.fitted.stdout
        )
        assert "set for 5 % false alarms on 19 frames of 19 other files" in house.fitted.stdout
        assert read_detector(house.bank).bank.model_id == "tint"

    def test_equal_folders_give_equal_banks_and_another_seed_another(
        self, house: House, tmp_path: Path
    ) -> None:
        house.fit(house.crops, "--out", tmp_path / "same.npz")
        house.fit(house.crops, "--out", tmp_path / "other.npz", "--seed", "7")

        assert (tmp_path / "same.npz").read_bytes() == house.bank.read_bytes()
        assert (tmp_path / "other.npz").read_bytes() != house.bank.read_bytes()

    def test_videos_and_pictures_go_together(self, house: House, tmp_path: Path) -> None:
        done = house.fit(house.crops, house.plain, "--out", tmp_path / "b.npz")

        assert done.exit_code == 0
        bank = read_detector(tmp_path / "b.npz").bank
        assert bank.sources + bank.held_out_sources == CROPS + 1

    def test_too_few_are_refused_saying_how_many_it_takes(
        self, house: House, tmp_path: Path
    ) -> None:
        done = house.fit(house.plain, "--out", tmp_path / "b.npz")

        assert done.exit_code == 2
        assert "1 different files with good pictures are too few" in done.stderr
        assert "takes 38" in done.stderr
        assert not (tmp_path / "b.npz").exists()

    def test_a_higher_rate_of_false_alarms_takes_fewer_and_sets_a_lower_threshold(
        self, house: House, tmp_path: Path
    ) -> None:
        done = house.fit(house.crops, "--false-alarms", "0.3", "--out", tmp_path / "b.npz")

        assert "set for 30 % false alarms on 14 frames" in done.stdout
        loose, strict = read_detector(tmp_path / "b.npz"), read_detector(house.bank)
        assert loose.facts.threshold < strict.facts.threshold

    def test_what_cannot_be_read_is_told_and_the_others_make_a_bank(
        self, house: House, tmp_path: Path
    ) -> None:
        folder = tmp_path / "mixed"
        shutil.copytree(house.crops, folder)
        (folder / "broken.jpg").write_bytes(b"no picture")
        (folder / "half.png").write_bytes((folder / "01.png").read_bytes()[:500])

        done = house.fit(folder, "--out", tmp_path / "b.npz")

        assert done.exit_code == 4
        assert done.stderr.count("heatreel: ") == 2
        assert (tmp_path / "b.npz").exists()

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            pytest.param(["none.mp4"], 2, "no such file", id="no-such-path"),
            pytest.param([], 2, "no pictures and no videos", id="nothing"),
            pytest.param(["CROPS", "--model", "none"], 3, "neither a built-in", id="no-model"),
            pytest.param(["CROPS", "--false-alarms", "0.7"], 2, "Usage", id="too-many-alarms"),
        ],
    )
    def test_bad_input(
        self, words: list[str], code: int, said: str, house: House, tmp_path: Path
    ) -> None:
        asked = [str(house.crops) if word == "CROPS" else word for word in words]
        done = house.fit(*asked, "--out", tmp_path / "b.npz")

        assert done.exit_code == code
        assert said in done.stderr


class TestScoring:
    """Each file gets a line, and the exit code says whether one is a stranger."""

    def test_familiar_ones_and_strangers_are_told_apart(self, house: House) -> None:
        done = house.score(house.plain, house.blue)

        first, second = done.stdout.splitlines()
        assert done.exit_code == 1
        assert first.startswith("familiar")
        assert first.endswith("plain.mkv")
        assert second.startswith("STRANGER")
        assert "6 of 6" in second or "7 of 7" in second

    def test_nothing_strange_is_exit_code_0(self, house: House) -> None:
        assert house.score(house.plain).exit_code == 0

    def test_machines_get_json(self, house: House) -> None:
        done = house.score(house.crops / "00.png", house.blue, "--json")

        crop, blue = (json.loads(line) for line in done.stdout.splitlines())
        assert set(crop) == {"path", "score", "strangers", "frames", "is_stranger"}
        assert (crop["frames"], crop["path"]) == (1, str(house.crops / "00.png"))
        assert blue["score"] > crop["score"]
        assert blue["is_stranger"]

    @pytest.mark.parametrize(
        ("name", "code"), [("none.mp4", 2), ("broken.mp4", 4), ("white.png", 4)]
    )
    def test_what_cannot_be_scored(
        self, name: str, code: int, house: House, tmp_path: Path
    ) -> None:
        (tmp_path / "broken.mp4").write_bytes(b"no video")
        Image.new("RGB", (200, 200), "white").save(tmp_path / "white.png")

        assert house.score(tmp_path / name, house.plain).exit_code == code

    def test_a_bank_of_another_model_is_refused(self, house: House, tmp_path: Path) -> None:
        other = write_colour_model(tmp_path)
        done = heatreel("ood", "score", house.bank, house.plain, "--model", other)

        assert done.exit_code == 3
        assert "the bank was fitted on tint" in done.stderr

    def test_a_file_that_is_no_bank_is_refused(self, house: House, tmp_path: Path) -> None:
        (tmp_path / "bank.npz").write_bytes(b"PK")
        done = heatreel("ood", "score", tmp_path / "bank.npz", house.plain)

        assert (done.exit_code, "is no bank" in done.stderr) == (3, True)


class TestScanning:
    """`heatreel scan --bank`: strangers go to a person."""

    def test_a_video_of_strangers_is_reviewed_and_a_familiar_one_passes(
        self, house: House, tmp_path: Path
    ) -> None:
        done = house.scan(tmp_path, house.plain, house.blue, "--bank", house.bank)

        assert done.exit_code == 1
        plain, blue = done.stdout.splitlines()[:2]
        assert plain.startswith("PASS")
        assert blue.startswith("REVIEW")
        assert "are unlike what the model knows" in blue
        report = read(tmp_path / "blue" / "report.json")
        assert report.bank == read_detector(house.bank).facts

    def test_without_a_bank_both_pass(self, house: House, tmp_path: Path) -> None:
        assert house.scan(tmp_path, house.plain, house.blue).exit_code == 0

    def test_another_bank_is_another_scan_and_the_same_is_none(
        self, house: House, tmp_path: Path
    ) -> None:
        with_bank = ("--bank", house.bank)
        house.scan(tmp_path, house.blue)

        first = house.scan(tmp_path, house.blue, *with_bank)
        second = house.scan(tmp_path, house.blue, *with_bank)
        third = house.scan(tmp_path, house.blue)

        assert ["(unchanged)" in one.stdout for one in (first, second, third)] == [
            False, True, False,
        ]  # fmt: skip
        assert [one.exit_code for one in (first, second, third)] == [1, 1, 0]

    @pytest.mark.parametrize("name", ["none.npz", "policy.toml"])
    def test_a_bank_that_is_none_stops_the_scan(
        self, name: str, house: House, tmp_path: Path
    ) -> None:
        done = house.scan(tmp_path, house.plain, "--bank", house.folder / name)

        assert done.exit_code == 3
        assert not (tmp_path / "plain").exists()

    def test_a_bank_of_another_model_stops_the_scan_before_any_video_is_read(
        self, house: House, tmp_path: Path
    ) -> None:
        (tmp_path / "broken.mp4").write_bytes(b"no video")
        other = write_colour_model(tmp_path)
        words = ("--model", other, "--policy", house.policy, "--bank", house.bank)

        done = heatreel("scan", tmp_path / "broken.mp4", "--out", tmp_path / "out", *words)

        assert done.exit_code == 3
        assert "the bank was fitted on tint" in done.stderr
        assert not (tmp_path / "out").exists()

    def test_what_passed_before_is_what_a_bank_is_fitted_on(
        self, house: House, tmp_path: Path
    ) -> None:
        """But not what was reviewed, and not a file that has changed since."""
        clips, out = tmp_path / "clips", tmp_path / "out"
        clips.mkdir()
        for name in ("one", "two"):
            shutil.copy(house.plain, clips / f"{name}.mkv")
        shutil.copy(house.blue, clips / "blue.mkv")
        house.scan(out, clips, "--bank", house.bank)
        (clips / "two.mkv").write_bytes(house.blue.read_bytes())

        done = house.fit(house.crops, "--passed", out, "--out", tmp_path / "b.npz")

        assert done.exit_code == 2
        assert "two.mkv: is gone, or is not what was scanned" in done.stderr
        bank = read_detector(tmp_path / "b.npz").bank
        assert bank.sources + bank.held_out_sources == CROPS + 1
