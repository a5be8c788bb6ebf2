"""Rewriting a policy: new thresholds, the rest as people wrote it."""

from pathlib import Path

import pytest

import pipeline.policies
from pipeline.errors import PolicyError
from pipeline.policies.read import parse_policy
from pipeline.policies.rewrite import NewThreshold, rewrite_policy

SHA, OTHER = "ab" * 32, "cd" * 32
FILES = sorted(
    path
    for path in Path(pipeline.policies.__file__).parent.glob("*.toml")
    if b"[rules." in path.read_bytes()
)
NUDITY = (Path(pipeline.policies.__file__).parent / "nudity.toml").read_text(encoding="utf-8")


def rewrite(text: str, review: float = 0.1234567, *, sha256: str = SHA) -> str:
    new = {"nudity": NewThreshold(review, "why")}
    return rewrite_policy(text.encode(), new, evidence_sha256=sha256, name="new.toml").decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_policy_that_comes_with_heatreel_can_be_rewritten(path: Path) -> None:
    old = parse_policy(path.read_bytes(), name=path.name)
    category = old.categories[0]
    new = {category: NewThreshold(0.125, "why")}
    written = rewrite_policy(path.read_bytes(), new, evidence_sha256=SHA, name="new.toml")

    found = parse_policy(written, name="new.toml")
    assert found.version == old.version + 1
    assert [rule.review for rule in found.rules if rule.category == category] == [0.125]
    assert found.max_gap_ms == old.max_gap_ms
    assert found.sha256 != old.sha256


def test_comments_stay_but_for_the_one_that_explained_the_old_number() -> None:
    written = rewrite(NUDITY)

    assert "review = 0.1234567  # why\n" in written
    assert "a miss costs many times" not in written
    kept = [line for line in NUDITY.splitlines() if line.startswith("#")]
    assert all(line in written.splitlines() for line in kept)
    assert "version = 2                 # counts up with each change" in written
    assert f'evidence = "{SHA}"' in written


def test_a_second_time_the_evidence_is_replaced_and_the_version_counts_on() -> None:
    twice = rewrite(rewrite(NUDITY), 0.2, sha256=OTHER)

    assert parse_policy(twice.encode(), name="new.toml").version == 3
    assert SHA not in twice
    assert OTHER in twice


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("review = 0.3 ", "review = 0.3\r\n#", "review = 0.1234567", id="crlf"),
        pytest.param("review = 0.3 ", "'review' = 3e-1 ", "'review' = 0.1234567", id="quoted"),
        pytest.param("[rules.nudity]", "[ rules . 'nudity' ]", "review = 0.1234567", id="spaced"),
    ],
)
def test_other_ways_to_write_it(old: str, new: str, expected: str) -> None:
    assert expected in rewrite(NUDITY.replace(old, new))


@pytest.mark.parametrize(
    ("text", "review", "match"),
    [
        pytest.param(
            NUDITY.replace("# block = 0.9 ", "block = 0.4 #"), 0.5, "lower than review",
            id="above-block",
        ),
        pytest.param(NUDITY, 0.0, "greater than 0", id="zero"),
        pytest.param(NUDITY, 1.5, "less than or equal to 1", id="above-1"),
        pytest.param(
            NUDITY.replace("review = 0.3 ", "review = 0.3\n").split("[rules.nudity]")[0]
            + "[rules]\nnudity = {labels = ['nsfw'], review = 0.3, min_duration_ms = 0, "
            "strict = false, severity = 3}\n"
            + "[gate]" + NUDITY.split("[gate]")[1],
            0.2, "cannot be rewritten", id="inline-table",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_rewritten_is_refused(text: str, review: float, match: str) -> None:
    with pytest.raises(PolicyError, match=match):
        rewrite(text, review)


@pytest.mark.parametrize("value", ['"abc"', "7", f'"{SHA.upper()}"'])
def test_evidence_is_named_by_a_sha256(value: str) -> None:
    text = NUDITY.replace("version = 1", f"evidence = {value}\nversion = 1")

    with pytest.raises(PolicyError, match="evidence"):
        parse_policy(text.encode(), name="x.toml")
