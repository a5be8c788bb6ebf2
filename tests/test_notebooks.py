"""The notebooks run, as plain Python: what they assert holds, and nothing is out of date."""

import runpy
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path))

    assert capsys.readouterr().out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_question_and_ends_with_a_decision(path: Path) -> None:
    cells = path.read_text(encoding="utf-8").split("\n# %%")
    question, decision = cells[1], cells[-1]

    assert question.startswith(" [markdown]\n# # ")
    assert "?" in question.splitlines()[1]
    assert decision.startswith(" [markdown]\n# ## Decision\n")
