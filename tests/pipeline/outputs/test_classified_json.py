"""A classified submission as one line of JSON that any reader can bear, whatever it holds."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.classified import Classified, Seen, Unread
from pipeline.outputs.classified_json import to_line
from pipeline.outputs.names import unescape_path
from pipeline.records import BankFacts, Gate, ModelFacts
from pipeline.votes import Doubt, DoubtKind, PictureVote, Standing, Vote, VoteRule

BANK = BankFacts("1" * 64, "knn", 0.5, 0.05)
NOBODY = Vote(
    rule=VoteRule.MAJORITY,
    answer=None,
    best=(),
    other=math.nan,
    margin=math.nan,
    disagreement=math.nan,
    doubts=(Doubt(DoubtKind.FEW_PICTURES, 0, 1),),
    pictures=(PictureVote(Standing("cat", 0.5), 0.0, 0),),
)


def classified(
    *,
    name: str = "set",
    path: Path = Path("a.jpg"),
    vote: Vote | None = NOBODY,
    bank: BankFacts | None = None,
) -> Classified:
    seen = Seen(path, None, Gate.TOO_SMALL, math.nan, is_stranger=False, thumbnail=b"")
    return Classified(
        name=name,
        text=name,
        files=2,
        candidates_id="objects",
        candidates_version=1,
        candidates_sha256="0" * 64,
        model=ModelFacts("m", "1", "0" * 64, ("CPUExecutionProvider",)),
        bank=bank,
        pictures=(seen,) if vote else (),
        unread=(Unread(path, name),),
        vote=vote,
        error="" if vote else "there are no pictures",
    )


def test_what_is_not_known_is_null() -> None:
    found = json.loads(to_line(classified()))

    assert (found["outcome"], found["answer"], found["bank"]) == ("review", None, None)
    assert found["vote"]["margin"] is found["vote"]["none_of_them"] is None
    (doubt,) = found["vote"]["doubts"]
    assert (doubt["kind"], doubt["found"], doubt["threshold"]) == ("few_pictures", 0, 1)
    (picture,) = found["pictures"]
    assert (picture["gate"], picture["ood"], picture["best"]) == ("too_small", None, "cat")


def test_what_was_not_judged_has_no_vote_but_a_reason() -> None:
    found = json.loads(to_line(classified(vote=None)))

    assert (found["outcome"], found["vote"]) == ("error", None)
    assert found["why"] == "there are no pictures"


def test_the_bank_is_named() -> None:
    found = json.loads(to_line(classified(bank=BANK)))

    assert found["bank"] == {
        "sha256": "1" * 64,
        "method": "knn",
        "threshold": 0.5,
        "false_alarms": 0.05,
    }


@given(st.text(st.characters(), max_size=20), st.binary(min_size=1, max_size=10))
def test_any_name_makes_one_line_of_ascii(name: str, raw: bytes) -> None:
    path = Path(raw.replace(b"\0", b"0").decode("utf-8", "surrogateescape"))

    line = to_line(classified(name=name, path=path))

    assert line.isascii()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert unescape_path(json.loads(line)["pictures"][0]["path"]) == path


@pytest.mark.parametrize("name", ["\ud800", "a\nb", '"', "\u202e"])
def test_a_hostile_name_can_be_encoded(name: str) -> None:
    json.loads(to_line(classified(name=name)))["submission"].encode()
