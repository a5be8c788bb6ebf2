"""`heatreel classify` as its users type it: real pictures, a real model that knows one colour."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import pipeline.policies
from tests.classifying import save, save_black, save_video
from tests.models import write_colour_model
from workers.cli import app

OBJECTS = Path(pipeline.policies.__file__).parent / "objects.toml"
CANDIDATES = """
[candidates.magenta]
labels = ["magenta"]
aliases = ["pink"]
prior = 0.45
[candidates.grey]
labels = ["other"]
aliases = ["gray"]
prior = 0.45
[answer]"""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options that name the candidates and the model."""
    folder = tmp_path_factory.mktemp("shop")
    text = OBJECTS.read_text(encoding="utf-8").replace("efficientnet-lite0", "colour")
    text = re.sub(r"\[candidates\.cat\].*?\[answer\]", CANDIDATES, text, flags=re.DOTALL)
    (folder / "shop.toml").write_text(text, encoding="utf-8")
    model = write_colour_model(folder)
    return ["--candidates", str(folder / "shop.toml"), "--model", str(model), "--device", "cpu"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of submissions: magenta, grey, mixed, black, and no pictures at all."""
    root = tmp_path_factory.mktemp("pictures")
    for name in ("magenta", "grey", "mixed", "black", "text"):
        (root / name).mkdir()
    for i in range(3):
        save(root / "magenta" / f"{i}.png", is_magenta=True, seed=i)
        save(root / "grey" / f"{i}.jpg", is_magenta=False, seed=i)
        save(root / "mixed" / f"{i}.png", is_magenta=i == 0, seed=i)
    (root / "mixed" / "2.png").unlink()
    (root / "magenta" / "notes.txt").write_text("no picture\n")
    save_black(root / "black" / "a.png")
    (root / "text" / "a.txt").write_text("no picture\n")
    return root


def classify(words: list[str], *more: str | Path) -> Result:
    return CliRunner().invoke(app, ["classify", *words, *map(str, more)])


def lines_of_json(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_answer_is_told_with_the_two_best_and_a_line_a_picture(
    words: list[str], pictures: Path
) -> None:
    result = classify(words, pictures / "magenta")

    first, turnout, *lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert re.match(r"ANSWER magenta  \(magenta 1\.00, grey 0\.00, none of them 0\.00\)", first)
    assert turnout == "3 of 3 pictures vote; 1 of 4 files could not be read"
    assert len(lines) == 4
    assert re.fullmatch(r"  \S+/0\.png: magenta (1\.00|0\.9\d), weighs 33 %", lines[0])
    assert "notes.txt: could not be read: it is no picture" in lines[3]


def test_what_is_left_to_a_person_says_why(words: list[str], pictures: Path) -> None:
    result = classify(words, pictures / "mixed")

    assert result.exit_code == 1
    assert re.match(r"REVIEW to a person: .*50 % of the votes say something else", result.stdout)


def test_a_black_picture_has_no_vote(words: list[str], pictures: Path) -> None:
    result = classify(words, pictures / "black")

    assert result.exit_code == 1
    assert "no different good pictures vote, 1 is wanted" in result.stdout
    assert "a.png: black, no vote" in result.stdout


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(["magenta"], 0, id="answered"),
        pytest.param(["mixed"], 1, id="a-person"),
        pytest.param(["magenta", "gone"], 2, id="a-path-that-is-not-there"),
        pytest.param(["text"], 4, id="nothing-could-be-read"),
    ],
)
def test_exit_codes(words: list[str], pictures: Path, asked: list[str], expected: int) -> None:
    assert classify(words, *(pictures / name for name in asked)).exit_code == expected


def test_what_is_missing_has_its_own_exit_code(words: list[str], pictures: Path) -> None:
    asked = ["classify", *words[:2], str(pictures / "magenta")]

    assert CliRunner().invoke(app, [*asked, "--model", "gone"]).exit_code == 3
    assert classify(words, "--bank", "gone.npz", pictures / "magenta").exit_code == 3
    assert CliRunner().invoke(app, [*asked, "--model", "open-nsfw"]).exit_code == 2
    assert CliRunner().invoke(app, ["classify"]).exit_code == 2


def test_wrong_candidates_are_told_with_their_lines(pictures: Path, tmp_path: Path) -> None:
    wrong = OBJECTS.read_text(encoding="utf-8").replace("[answer]", "[answer]\nxyz = 1")
    (tmp_path / "wrong.toml").write_text(wrong, encoding="utf-8")

    result = classify(["--candidates", str(tmp_path / "wrong.toml")], pictures / "magenta")

    assert result.exit_code == 2
    assert re.search(r"heatreel: wrong\.toml:\d+: answer\.xyz: unknown key", result.stderr)


def test_each_folder_is_a_submission_of_its_own(words: list[str], pictures: Path) -> None:
    result = classify(words, "--each-folder", "--json", pictures)

    found = {Path(line["submission"]).name: line for line in lines_of_json(result)}
    outcomes = {name: (line["outcome"], line["answer"]) for name, line in found.items()}
    assert outcomes == {
        "black": ("review", None),
        "grey": ("answer", "grey"),
        "magenta": ("answer", "magenta"),
        "mixed": ("review", None),
        "text": ("error", None),
    }
    assert result.exit_code == 4


def test_json_says_all_there_is_to_know(words: list[str], pictures: Path) -> None:
    (line,) = lines_of_json(classify(words, "--json", "--text", "pink!", pictures / "magenta"))

    assert (line["schema_version"], line["text"], line["files"]) == (1, "pink!", 4)
    assert line["vote"]["rule"] == "pooled"
    assert [each["name"] for each in line["vote"]["best"]] == ["magenta", "grey"]
    assert line["vote"]["doubts"] == []
    assert [each["gate"] for each in line["pictures"]] == ["ok"] * 3
    assert line["pictures"][0]["ood"] is None
    assert [Path(each["path"]).name for each in line["unread"]] == ["notes.txt"]
    assert line["model"]["id"] == "colour"


def test_the_rule_can_be_chosen(words: list[str], pictures: Path) -> None:
    mixed = sorted((pictures / "grey").iterdir())
    one = pictures / "magenta" / "0.png"

    (line,) = lines_of_json(classify(words, "--json", "--rule", "majority", one, *mixed))

    assert line["vote"]["rule"] == "majority"
    assert line["vote"]["best"][0] == {"name": "grey", "confidence": 0.75}


def test_a_video_is_classified_by_its_frames(words: list[str], tmp_path: Path) -> None:
    video = save_video(tmp_path / "clip.mp4", is_magenta=True)

    result = classify(words, video)

    assert result.exit_code == 0
    assert re.search(r"clip\.mp4 at 0:00: magenta", result.stdout)


def test_a_hostile_name_is_printed_safely(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b[31m\nb\u202e"
    folder.mkdir()
    save(folder / "x\r.png", is_magenta=True)
    raw = bytes(folder) + b"/\xff.png"
    Path(raw.decode("utf-8", "surrogateescape")).write_bytes(b"no picture")

    result, as_json = classify(words, folder), classify(words, "--json", folder)

    assert all(line.isprintable() for line in result.stdout.splitlines())
    assert len(result.stdout.splitlines()) == 4
    assert len(lines_of_json(as_json)) == 1
    assert as_json.stdout.isascii()


def test_too_many_pictures_are_not_judged(words: list[str], pictures: Path, tmp_path: Path) -> None:
    small = Path(words[1]).read_text(encoding="utf-8").replace("= 1000  ", "= 2  ", 1)
    (tmp_path / "small.toml").write_text(small, encoding="utf-8")

    result = classify([*words, "--candidates", str(tmp_path / "small.toml")], pictures / "magenta")

    assert result.exit_code == 4
    assert result.stdout.startswith("ERROR  has more than 2 pictures")


def test_the_vote_is_drawn(words: list[str], pictures: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"

    classify(words, "--sheet", str(sheet), pictures / "magenta")
    with Image.open(sheet) as drawn:
        assert drawn.width == 1280

    result = classify(words, "--sheet", str(sheet), "--each-folder", pictures)
    assert result.exit_code == 2
