"""`heatreel classify` with a real model on real pictures: what is it, and when does it not know?"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import skimage
from PIL import Image, ImageFilter
from typer.testing import CliRunner

import pipeline.policies
from workers.cli import app

PHOTOS = Path(skimage.__file__).parent / "data"
OBJECTS = Path(pipeline.policies.__file__).parent / "objects.toml"
CLOTHES = """
[candidates.shoes]
labels = ["running shoe", "loafer", "clog", "sandal", "cowboy boot"]
aliases = ["shoe", "sneakers"]
prior = 0.3
[candidates.hat]
labels = ["cowboy hat", "sombrero", "bonnet", "bathing cap"]
aliases = ["hats"]
prior = 0.3
[candidates.t-shirt]
labels = ["jersey"]
aliases = ["tee"]
prior = 0.3
[answer]"""


def classify(*words: str | Path) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["classify", "--device", "cpu", "--json", *map(str, words)])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (["chelsea.png"], "cat"),
        (["coffee.png"], "coffee"),
        (["camera.png"], "camera"),
        (["motorcycle_left.png", "motorcycle_right.png"], "motorcycle"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_photographs_are_what_they_show(names: list[str], answer: str) -> None:
    code, found = classify(*(PHOTOS / name for name in names))

    assert (code, found["answer"]) == (0, answer)


@pytest.mark.parametrize(
    ("names", "doubts"),
    [
        pytest.param(["brick.png", "grass.png"], {"nothing_said"}, id="no-candidate"),
        pytest.param(["chelsea.png", "coffee.png"], {"disagreement"}, id="two-things"),
    ],
)
def test_what_they_do_not_show_goes_to_a_person(names: list[str], doubts: set[str]) -> None:
    code, found = classify(*(PHOTOS / name for name in names))

    assert (code, found["answer"]) == (1, None)
    assert doubts <= {doubt["kind"] for doubt in found["vote"]["doubts"]}


def test_a_title_helps_where_a_picture_alone_does_not() -> None:
    rocket = PHOTOS / "rocket.jpg"

    assert classify(rocket)[0] == 1
    assert classify(rocket, "--text", "A rocket on its pad")[1]["answer"] == "rocket"


def test_bad_pictures_and_copies_change_nothing(tmp_path: Path) -> None:
    photo = Image.open(PHOTOS / "motorcycle_left.png").convert("RGB")
    photo.save(tmp_path / "a.png")
    Image.open(PHOTOS / "motorcycle_right.png").save(tmp_path / "b.png")
    _, before = classify(tmp_path)
    photo.resize((photo.width // 2, photo.height // 2)).save(tmp_path / "copy.jpg", quality=70)
    photo.filter(ImageFilter.GaussianBlur(40)).save(tmp_path / "blurred.png")
    Image.new("RGB", photo.size).save(tmp_path / "black.png")

    _, after = classify(tmp_path)

    by_name = {Path(each["path"]).name: each for each in after["pictures"]}
    assert by_name["a.png"]["weight"] == by_name["copy.jpg"]["weight"] == 0.25
    assert by_name["blurred.png"]["weight"] == by_name["black.png"]["weight"] == 0
    assert after["answer"] == before["answer"] == "motorcycle"
    assert after["vote"]["none_of_them"] == pytest.approx(before["vote"]["none_of_them"], abs=0.1)


@pytest.fixture
def clothes(tmp_path: Path) -> Path:
    """A candidates file for three kinds of clothes."""
    text = re.sub(
        r"\[candidates\.cat\].*?\[answer\]",
        CLOTHES,
        OBJECTS.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    (tmp_path / "clothes.toml").write_text(text, encoding="utf-8")
    return tmp_path / "clothes.toml"


@pytest.mark.real
@pytest.mark.parametrize(("folder", "answer"), [("shoes", "shoes"), ("hat", "hat")])
def test_clothes_as_people_sell_them(shared: Path, clothes: Path, folder: str, answer: str) -> None:
    pictures = sorted((shared / "pictures" / "clothing" / folder).iterdir())[:6]

    assert classify("--candidates", clothes, *pictures)[1]["vote"]["best"][0]["name"] == answer


@pytest.mark.real
def test_blood_cells_are_no_clothes(shared: Path, clothes: Path) -> None:
    pictures = sorted((shared / "pictures" / "strangers" / "blood-cells").iterdir())[:6]

    code, found = classify("--candidates", clothes, *pictures, "--text", "nice shoes")

    assert (code, found["answer"]) == (1, None)


@pytest.mark.real
def test_strangers_to_a_bank_do_not_vote(shared: Path, clothes: Path, tmp_path: Path) -> None:
    shop, cells = shared / "pictures" / "clothing", shared / "pictures" / "strangers"
    bank = tmp_path / "bank.npz"
    familiar = [str(shop / "shoes"), str(shop / "hat")]
    fitting = ["ood", "fit", *familiar, "--out", str(bank), "--model", "efficientnet-lite0"]
    assert CliRunner().invoke(app, fitting).exit_code == 0
    shoes = sorted((shop / "shoes").iterdir())[:4]
    blood = sorted((cells / "blood-cells").iterdir())[:3]

    _, found = classify("--candidates", clothes, "--bank", bank, *shoes, *blood)
    code, alone = classify("--candidates", clothes, "--bank", bank, *blood)

    assert [each["is_stranger"] for each in found["pictures"]] == [False] * 4 + [True] * 3
    assert found["vote"]["best"][0]["name"] == "shoes"
    assert {doubt["kind"] for doubt in alone["vote"]["doubts"]} == {"few_pictures", "strangers"}
    assert code == 1


@pytest.mark.real
def test_a_video_without_a_candidate_goes_to_a_person(shared: Path) -> None:
    code, found = classify(shared / "videos" / "big-buck-bunny-720p.mp4")

    assert code == 1
    assert len(found["pictures"]) > 4
