"""Policies: a TOML file becomes a checked record, or one error that names every fault."""

import hashlib
from pathlib import Path

import pytest

from pipeline.errors import PolicyError
from pipeline.policies.read import BUILT_IN_POLICIES, MAX_POLICY_BYTES, find_policy, read_policy
from pipeline.records import Examination, GateThresholds, Limits, ReasonKind, Rule

TEXT = """\
id = "mine"
version = 7
model = "open-nsfw"
max_gap_ms = 1000
merge_gap_ms = 500
max_confirmations = 4
doubts = ["coverage", "unconfirmed"]
min_good_share = 0.5
examination = "packets"
[gate]
black_below = 10
flat_below = 4.5
blur_below = 3
frozen_below = 3
letterbox_below = 0.2
small_below = 0.1
overlay_above = 0.4
close_above = 1
[limits]
max_pixels = 36_000_000
max_duration_ms = 21_600_000
max_frames = 1000
max_cpu_s = 60
[rules.nudity]
labels = ["nsfw"]
review = 0.3
block = 0.9
min_duration_ms = 0
strict = true
severity = 3
[rules.second]
labels = ["a", "b"]
review = 1
min_duration_ms = 1500
strict = false
severity = 1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_bytes(text.encode())
    return path


def fault(folder: Path, text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        read_policy(written(folder, text))
    return str(raised.value)


def test_a_file_becomes_a_policy(tmp_path: Path) -> None:
    found = read_policy(written(tmp_path, TEXT))

    assert (found.policy_id, found.version, found.model) == ("mine", 7, "open-nsfw")
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (found.max_gap_ms, found.merge_gap_ms, found.max_confirmations) == (1000, 500, 4)
    assert found.doubts == {ReasonKind.COVERAGE, ReasonKind.UNCONFIRMED}
    assert found.min_good_share == 0.5
    assert found.max_unfamiliar_share is None
    assert found.examination is Examination.PACKETS
    assert found.gate == GateThresholds(10, 4.5, 3, 3, 0.2, 0.1, 0.4, 1.0)
    assert found.limits == Limits(36_000_000, 21_600_000, 1000, 60)
    assert found.rules == (
        Rule("nudity", ("nsfw",), 0.3, 0.9, 0, is_strict=True, severity=3),
        Rule("second", ("a", "b"), 1.0, None, 1500, is_strict=False, severity=1),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "review = 0.3",
            "review = 0.3\nreveiw = 0.3",
            "mine.toml:27: rules.nudity.reveiw: unknown key, did you mean 'review'?",
            id="a-slip-of-the-pen",
        ),
        pytest.param("[gate]", "[gate]\nxyz = 1", "mine.toml:11: gate.xyz: unknown key", id="new"),
        pytest.param(
            "severity = 3\n", "", "mine.toml:24: rules.nudity.severity: missing key", id="missing"
        ),
        pytest.param("version = 7\n", "", "mine.toml:1: version: missing key", id="missing-on-top"),
        pytest.param(
            "review = 0.3",
            "review = 0",
            "mine.toml:26: rules.nudity.review: should be greater than 0, got 0",
            id="review-0-would-always-fire",
        ),
        pytest.param(
            "block = 0.9",
            "block = 0.2",
            "mine.toml:27: rules.nudity.block: block must not be lower than review, which is 0.3",
            id="block-below-review",
        ),
        pytest.param(
            "block = 0.9",
            "block = nan",
            "mine.toml:27: rules.nudity.block: should be a finite number, got nan",
            id="not-a-number",
        ),
        pytest.param(
            "review = 0.3",
            'review = "0.3"',
            "mine.toml:26: rules.nudity.review: should be a valid number, got '0.3'",
            id="a-string-is-no-number",
        ),
        pytest.param(
            "version = 7",
            "version = true",
            "mine.toml:2: version: should be a valid integer, got True",
            id="a-boolean-is-no-number",
        ),
        pytest.param(
            '["a", "b"]',
            '["a", "a"]',
            "mine.toml:32: rules.second.labels: a label must stand there only once, else its score"
            " would count twice",
            id="a-label-twice",
        ),
        pytest.param(
            '"unconfirmed"',
            '"limit"',
            "mine.toml:7: doubts.1: should be 'coverage', 'decode', 'few_good_frames',"
            " 'unconfirmed' or 'unfamiliar', got 'limit'",
            id="not-a-doubt",
        ),
        pytest.param(
            '"unconfirmed"',
            '"unfamiliar"',
            "mine.toml:1: max_unfamiliar_share: must be given, since 'unfamiliar' is one of the"
            " doubts",
            id="a-doubt-that-does-not-say-where-it-begins",
        ),
        pytest.param(
            "severity = 1",
            "severity = 5",
            "mine.toml:36: rules.second.severity: should be less than or equal to 4, got 5",
            id="too-severe",
        ),
        pytest.param("id = ", "id ", "mine.toml:1: Expected '='", id="no-toml"),
        pytest.param("severity = 1\n", "severity = [1", "mine.toml:36: ", id="no-toml-at-the-end"),
        pytest.param('"mine"', '"mine"\nid = "x"', "mine.toml:2: ", id="a-key-twice"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT

    said = fault(tmp_path, TEXT.replace(old, new, 1))

    assert said.startswith(expected)
    assert "\n" not in said


def test_all_faults_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    wrong = TEXT.replace("severity = 1", "severity = 0").replace("max_frames", "max_frame")
    wrong = wrong.replace("version = 7", "version = 0")

    said = fault(tmp_path, "xyz = 1\n" + wrong).splitlines()

    assert [line.split(": ")[1] for line in said] == [
        "xyz",
        "version",
        "limits.max_frames",
        "limits.max_frame",
        "rules.second.severity",
    ]
    assert [int(line.split(":")[1]) for line in said] == [1, 3, 20, 23, 37]


def test_block_may_be_as_low_as_review(tmp_path: Path) -> None:
    found = read_policy(written(tmp_path, TEXT.replace("block = 0.9", "block = 0.3")))

    assert found.rules[0].block == 0.3


def test_a_policy_needs_a_rule_with_a_name(tmp_path: Path) -> None:
    without = TEXT[: TEXT.index("[rules.nudity]")]

    assert "rules: missing key" in fault(tmp_path, without)
    assert "rules: " in fault(tmp_path, without + "[rules]\n")
    assert "mine.toml:24: rules.: " in fault(tmp_path, TEXT.replace("rules.nudity", 'rules.""'))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"id = 'x'\nmodel = '\xff'\n", "mine.toml:2: not UTF-8", id="not-utf-8"),
        pytest.param(b"#" * (MAX_POLICY_BYTES + 1), "larger than 65536 bytes", id="too-large"),
        pytest.param(b"", "mine.toml:1: id: missing key", id="empty"),
    ],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)

    with pytest.raises(PolicyError, match=expected):
        read_policy(path)


def test_a_file_of_just_the_cap_is_read(tmp_path: Path) -> None:
    padded = TEXT + "#" * (MAX_POLICY_BYTES - len(TEXT))

    assert read_policy(written(tmp_path, padded)).policy_id == "mine"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"^gone\.toml: cannot be read: No such file"):
        read_policy(tmp_path / "gone.toml")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path)


@pytest.mark.parametrize("name", BUILT_IN_POLICIES)
def test_every_built_in_policy_can_be_read(name: str) -> None:
    found = find_policy(name)

    assert all(rule.block is None for rule in found.rules)
    assert ReasonKind.COVERAGE in found.doubts


def test_the_default_policy_is_nudity_at_a_frame_a_second() -> None:
    found = find_policy("default")

    assert found == find_policy("nudity")
    assert (found.policy_id, found.model, found.categories) == ("nudity", "open-nsfw", ("nudity",))
    assert found.max_gap_ms == 1000


def test_a_path_is_read_and_a_built_in_name_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cats").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert find_policy("cats").policy_id == "cats"
    assert find_policy("./cats").policy_id == "mine"


def test_neither_a_name_nor_a_file_is_refused_with_the_names_there_are() -> None:
    names = r"\(cats, default, nudity, nudity-fast\)"

    with pytest.raises(PolicyError, match=rf"^dogs: neither .* {names}$"):
        find_policy("dogs")


def test_strangers_are_a_doubt_from_the_share_that_is_given(tmp_path: Path) -> None:
    text = TEXT.replace('"unconfirmed"]', '"unfamiliar"]\nmax_unfamiliar_share = 0.25')

    found = read_policy(written(tmp_path, text))

    assert ReasonKind.UNFAMILIAR in found.doubts
    assert found.max_unfamiliar_share == 0.25


def test_a_share_may_stand_there_without_the_doubt(tmp_path: Path) -> None:
    text = TEXT.replace("min_good_share = 0.5", "min_good_share = 0.5\nmax_unfamiliar_share = 0")

    found = read_policy(written(tmp_path, text))

    assert ReasonKind.UNFAMILIAR not in found.doubts
    assert found.max_unfamiliar_share == 0
