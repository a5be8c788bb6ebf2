"""`heatreel groups` as its users type it: real pictures, a real model that sees patches."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from pipeline.learning.facts import facts_of
from tests.workers.groups_parts import write_clip, write_patch_model, write_pictures
from workers.cli import app
from workers.facts_file import read_facts

KINDS = {"ant": 9, "bee": 7, "cow": 6, "fly": 2}


class Library:
    """Pictures, a clip, a model, and a file of facts."""

    def __init__(self, folder: Path) -> None:
        self.pictures = folder / "pictures"
        self.model = write_patch_model(folder)
        self.facts = folder / "facts.jsonl"
        write_pictures(self.pictures, KINDS)

    def groups(self, *words: str | Path, typed: str | None = None) -> Result:
        """Group what the words name."""
        setup: list[str | Path] = ["--facts", self.facts, "--device", "cpu", "--cut", "0.2"]
        model: list[str | Path] = [] if "--model" in words else ["--model", self.model]
        return heatreel("groups", *words, *setup, *model, typed=typed)

    def cards(self, *words: str | Path) -> list[dict[str, object]]:
        """Return the cards as machines read them."""
        result = self.groups("--json", self.pictures, *words)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def names(self) -> dict[str, str]:
        """Return the name of each settled picture by its file."""
        listed = heatreel("groups", "names", self.pictures, "--facts", self.facts).stdout
        rows = [line.split("\t") for line in listed.splitlines()]
        return {Path(row[1]).name: row[0] for row in rows}


def heatreel(*words: str | Path, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(map(str, words)), input=typed)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("groups"))


@pytest.fixture
def library(written: Library) -> Library:
    """Return the library without anything known."""
    for left in (written.facts, written.facts.with_name(f".{written.facts.name}.cards.json")):
        left.unlink(missing_ok=True)
    return written


def test_groups_are_listed_the_most_worth_asking_first(library: Library) -> None:
    result = library.groups(library.pictures)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    counts = ["9 pictures?", "7 pictures?", "6 pictures?"]
    assert [count in line for count, line in zip(counts, lines, strict=False)] == [True] * 3
    assert "24 pictures" in lines[-1]
    assert "3 questions left" in lines[-1]


def test_machines_get_a_card_a_line(library: Library) -> None:
    first = library.cards()[0]

    assert (first["question"], first["distinct"]) == ("what are these 9 pictures?", 9)
    assert isinstance(first["shown"], list)
    assert len(first["shown"]) == 5
    assert all("ant" in str(place) for place in first["shown"])


def test_typed_answers_settle_groups_and_guesses_follow(library: Library, tmp_path: Path) -> None:
    typed = "= ant\nu\n= ant\nno idea\n1 = bee\n?\n"
    result = library.groups(library.pictures, "--ask", "--sheet", tmp_path / "cards", typed=typed)

    assert result.exit_code == 0, result.output
    assert "answer 1; 9 settled as ant; for a second look:" in result.stdout
    assert "answer 1 is taken back" in result.stdout
    assert "not understood" in result.stdout
    assert "0 questions left" in result.stdout
    names = library.names()
    assert sum(name == "ant" for name in names.values()) == 9
    assert 4 <= sum(name == "bee" for name in names.values()) <= 6
    assert {file[:3] for file in names} == {"ant", "bee"}
    assert len(list((tmp_path / "cards").glob("*.png"))) == 3


def test_new_pictures_of_what_is_known_are_guessed(library: Library, tmp_path: Path) -> None:
    library.groups(library.pictures, "--ask", "--most", "2", typed="= ant\n= bee\n")
    more = tmp_path / "more"
    write_pictures(more, {"ant": 19})

    result = library.groups(library.pictures, more)

    assert "are these 10 pictures ant?" in result.stdout.splitlines()[0]


def test_frames_of_a_clip_are_grouped_with_pictures(library: Library, tmp_path: Path) -> None:
    write_clip(tmp_path / "ants.mp4", 0, 8)

    result = library.groups(library.pictures, tmp_path / "ants.mp4")

    assert "what are these 17 pictures?" in result.stdout.splitlines()[0]


def test_a_card_can_be_answered_undone_and_answered_otherwise(library: Library) -> None:
    card = str(library.cards()[1]["card"])

    def answer(*words: str) -> Result:
        return heatreel("groups", "answer", card, *words, "--facts", library.facts)

    assert answer("=", "wasp").exit_code == 0
    assert set(library.names().values()) == {"wasp"}
    assert answer("no").exit_code == 2  # it was answered
    assert heatreel("groups", "undo", "--facts", library.facts).exit_code == 0
    assert library.names() == {}
    assert answer("2 3", "=", "bee").exit_code == 0
    assert {file[:3] for file in library.names()} == {"bee"}
    assert 3 <= len(library.names()) <= 5


def test_a_rejected_pair_is_not_asked_again_by_the_next_run(library: Library) -> None:
    library.groups(library.pictures, "--ask", typed="= ant\nn\nn\n")

    assert library.cards() == []


def test_forgetting_erases_a_name_from_the_file(library: Library) -> None:
    library.groups(library.pictures, "--ask", typed="= ant\n= bee\n")
    library.cards()  # which are kept in a file, too

    result = heatreel("groups", "forget", "ant", "--facts", library.facts)

    assert result.exit_code == 0
    assert "ant" not in library.facts.read_text()
    assert "1 answer" in result.stdout
    assert set(library.names().values()) == {"bee"}
    assert [path.name for path in library.facts.parent.glob(".facts*cards*")] == []
    again = heatreel("groups", "forget", "ant", "--facts", library.facts)
    assert "no answer is about" in again.stdout


def test_facts_survive_another_model(library: Library, tmp_path: Path) -> None:
    library.groups(library.pictures, "--ask", "--most", "1", typed="= ant\n")
    other = write_patch_model(tmp_path, middle=110)

    result = library.groups(library.pictures, "--model", other)

    assert result.exit_code == 0
    assert "9 settled as 1 name;" in result.stdout
    assert set(library.names().values()) == {"ant"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(["nowhere"], 2, "no such file", id="no-such-path"),
        pytest.param(["{pictures}", "nowhere"], 2, "no such file", id="one-of-two-paths"),
        pytest.param(["{pictures}", "--model", "nowhere"], 3, "neither a built-in", id="no-model"),
        pytest.param(["{pictures}", "--faces", "no.toml"], 3, "cannot be read", id="no-faces"),
        pytest.param(["{pictures}", "--policy", "no"], 2, "neither a policy", id="no-policy"),
        pytest.param(["{pictures}", "--ask", "--json"], 2, "not both", id="two-readers"),
        pytest.param(["answer", "12345678", "yes"], 2, "no cards yet", id="no-cards"),
        pytest.param(["undo"], 2, "no answer stands", id="nothing-to-undo"),
        pytest.param(["forget"], 2, "Missing argument", id="forget-nobody"),
        pytest.param(["--help"], 0, "forget", id="help"),
    ],
)
def test_exit_codes(library: Library, words: list[str], code: int, says: str) -> None:
    filled = [word.replace("{pictures}", str(library.pictures)) for word in words]
    facts = [] if words == ["--help"] else ["--facts", str(library.facts)]
    if words[0] not in ("answer", "undo", "forget", "--help") and "--model" not in words:
        facts += ["--model", str(library.model)]
    result = heatreel("groups", *filled, *facts)

    assert result.exit_code == code, result.output
    assert says in result.output


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    Image.new("RGB", (160, 160)).save(tmp_path / "black.png")

    result = library.groups(library.pictures, tmp_path)

    assert result.exit_code == 4
    assert "broken.png" in result.stderr
    assert "24 pictures" in result.stdout
    assert "1 bad left out" in result.stdout


def test_a_bad_file_of_facts_is_named_before_anything_is_scored(library: Library) -> None:
    library.facts.write_text("nonsense\n")

    result = library.groups(library.pictures)

    assert result.exit_code == 2
    assert "line 1" in result.stderr
    assert library.facts.read_text() == "nonsense\n"


def test_contradicting_facts_are_told_by_the_names_of_files(library: Library) -> None:
    library.groups(library.pictures, "--ask", "--most", "1", typed="= ant\n")
    line = json.loads(library.facts.read_text())
    clash = line | {"number": 2, "name": "bee"}
    library.facts.write_text("\n".join(map(json.dumps, [line, clash])) + "\n")

    result = library.groups(library.pictures)

    assert result.exit_code == 2
    assert "is ant and is bee: take back answer 1 or 2" in result.stderr
    assert "ant0" in result.stderr
    assert len(facts_of(read_facts(library.facts)).answers) == 2
    heatreel("groups", "undo", "2", "--facts", library.facts)
    assert library.groups(library.pictures).exit_code == 0
