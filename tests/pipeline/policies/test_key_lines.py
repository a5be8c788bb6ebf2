"""Lines: where in a TOML file a key stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.policies.lines import key_lines, line_of

TEXT = """\
# a comment
id = "x"

doubts = [   # over
  "a = 1",   # several
]            # lines
text = '''
[not.a.table]
'''
gate.black = 1
gate."flat below" = 2

[rules."a.b"]
labels = ["x"]
inline = {one = 1, two = 2}
[[many]]
key = 1\r
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("id",), 2),
        (("doubts",), 4),
        (("text",), 7),
        (("gate",), 10),
        (("gate", "black"), 10),
        (("gate", "flat below"), 11),
        (("rules",), 13),
        (("rules", "a.b"), 13),
        (("rules", "a.b", "labels"), 14),
        (("rules", "a.b", "inline", "two"), 15),
        (("many",), 16),
        (("many", "key"), 17),
    ],
    ids=str,
)
def test_a_key_stands_where_its_statement_begins(path: tuple[str, ...], line: int) -> None:
    assert key_lines(TEXT)[path] == line


def test_what_only_looks_like_a_key_is_none() -> None:
    tomllib.loads(TEXT)

    assert ("a",) not in key_lines(TEXT)
    assert ("not", "a", "table") not in key_lines(TEXT)


def test_a_text_without_keys_has_no_lines() -> None:
    assert key_lines("") == {}
    assert key_lines("# nothing\n") == {}


def test_a_missing_key_is_named_by_the_table_it_is_missing_from() -> None:
    lines = key_lines(TEXT)

    assert line_of(("rules", "a.b", "review"), lines) == 13
    assert line_of(("version",), lines) == 1


keys = st.lists(st.sampled_from(["a", "b c", "d.e", "é", "[f]", "#g", "="]), unique=True)


@given(keys, st.integers(0, 3))
def test_any_keys_are_found_in_their_order(names: list[str], blank: int) -> None:
    text = "".join("\n" * blank + f'"{name}" = "x"\n' for name in names)

    assert key_lines(text) == {(name,): (blank + 1) * (i + 1) for i, name in enumerate(names)}
