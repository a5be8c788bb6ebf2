"""The example of the settings: every setting, its default, and a line that says what it is."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.deploy.deploy_parts import DEPLOY
from workers.settings import PREFIX, Settings, read_settings

EXAMPLE = DEPLOY / "settings.example.toml"
LINES = EXAMPLE.read_text(encoding="utf-8").splitlines()
KEY = re.compile(r"(# )?(\w+) = .+|\[(\w+)\]")
# Whose defaults depend on the machine, or are none.
UNSET = {"home"} | {name for name, field in Settings.model_fields.items() if field.default is None}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def keys() -> list[tuple[int, str, bool]]:
    """Return the number of the line of each setting, its name, and whether it is commented out."""
    found = []
    for number, line in enumerate(LINES):
        match = KEY.fullmatch(line)
        if match and (match[2] or match[3]) in Settings.model_fields:
            found.append((number, match[2] or match[3], bool(match[1])))
    return found


def test_every_setting_stands_in_it_once() -> None:
    names = [name for _, name, _ in keys()]
    assert sorted(names) == sorted(Settings.model_fields)


def test_what_has_no_default_is_commented_out_and_nothing_else() -> None:
    assert {name for _, name, is_comment in keys() if is_comment} == UNSET


def test_each_has_a_line_that_says_what_it_is() -> None:
    for number, name, _ in keys():
        assert re.fullmatch(r"# \S.*\.", LINES[number - 1]), name


def test_what_it_sets_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = read_settings()
    monkeypatch.setenv("HEATREEL_SETTINGS", str(EXAMPLE))
    read = read_settings()

    assert read == defaults
    assert read.model_fields_set == set(Settings.model_fields) - UNSET


def test_the_examples_in_comments_are_valid_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uncommented = tmp_path / "all.toml"
    examples = [
        line.removeprefix("# ") if re.match(r"# [\w-]+ = ", line) else line for line in LINES
    ]
    uncommented.write_text("\n".join(examples), encoding="utf-8")
    monkeypatch.setenv("HEATREEL_SETTINGS", str(uncommented))

    assert read_settings().model_fields_set == set(Settings.model_fields)
    assert tomllib.loads(uncommented.read_text())["models"] != {}
