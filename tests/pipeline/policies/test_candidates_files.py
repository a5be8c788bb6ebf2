"""Candidates files: what a submission may show; all faults of a file are named at once."""

import hashlib
from pathlib import Path

import pytest

import pipeline.policies
from pipeline.errors import PolicyError
from pipeline.judging.confidences import require_candidate_labels
from pipeline.policies.candidates import BUILT_IN_CANDIDATES, find_candidates, read_candidates
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.votes import AnswerThresholds, Candidate, PartOf, Pooling

GATE_AND_LIMITS = (
    "[gate]"
    + (
        (Path(pipeline.policies.__file__).parent / "objects.toml")
        .read_text(encoding="utf-8")
        .partition("[gate]")[2]
    )
)
TEXT = f"""\
id = "shop"
version = 3
model = "m"
temperature = 1.5
max_pictures = 100
max_gap_ms = 500
[candidates.bicycle]
labels = ["mountain bike"]
aliases = ["bike"]
prior = 0.25
[candidates.tire]
labels = ["a", "b"]
aliases = []
prior = 0.5
part_of = {{ bicycle = 0.2 }}
[answer]
min_confidence = 0.8
min_margin = 0.5
min_good_pictures = 2
max_disagreement = 0.4
max_stranger_share = 0.5
[pooling]
stray_share = 0.1
independence = 0.5
copy_below = 30
full_sharpness = 20
least_weight = 0.5
text_strength = 0.8
{GATE_AND_LIMITS}"""


def written(folder: Path, text: str) -> Path:
    path = folder / "shop.toml"
    path.write_bytes(text.encode())
    return path


def fault(folder: Path, text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        read_candidates(written(folder, text))
    return str(raised.value)


def test_a_file_becomes_candidates(tmp_path: Path) -> None:
    found = read_candidates(written(tmp_path, TEXT))

    assert (found.candidates_id, found.version, found.model) == ("shop", 3, "m")
    assert (found.temperature, found.max_pictures, found.max_gap_ms) == (1.5, 100, 500)
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert found.candidates == (
        Candidate("bicycle", ("mountain bike",), ("bike",), 0.25, ()),
        Candidate("tire", ("a", "b"), (), 0.5, (PartOf("bicycle", 0.2),)),
    )
    assert found.other_prior == 0.25
    assert found.answer == AnswerThresholds(0.8, 0.5, 2, 0.4, 0.5)
    assert found.pooling == Pooling(0.1, 0.5, 30, 20, 0.5, 0.8)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "prior = 0.25",
            "prior = 0.25\nalias = []",
            "shop.toml:11: candidates.bicycle.alias: unknown key, did you mean 'aliases'?",
            id="a-slip-of-the-pen",
        ),
        pytest.param(
            "min_margin = 0.5\n", "", "shop.toml:16: answer.min_margin: missing", id="gap"
        ),
        pytest.param(
            "aliases = []",
            'aliases = ["Bike!"]',
            "shop.toml:13: candidates.tire.aliases: 'Bike!' means 'bicycle' already",
            id="an-alias-of-two",
        ),
        pytest.param(
            "aliases = []",
            'aliases = ["BICYCLE"]',
            "shop.toml:13: candidates.tire.aliases: 'BICYCLE' means 'bicycle' already",
            id="an-alias-that-is-anothers-name",
        ),
        pytest.param(
            '["a", "b"]',
            '["a", "mountain bike"]',
            "shop.toml:12: candidates.tire.labels: 'mountain bike' means 'bicycle' already",
            id="a-label-of-two",
        ),
        pytest.param(
            '["a", "b"]',
            '["a", "a"]',
            "shop.toml:12: candidates.tire.labels: a label stands there twice",
            id="a-label-twice",
        ),
        pytest.param(
            "aliases = []",
            'aliases = ["!!"]',
            "shop.toml:13: candidates.tire.aliases: '!!' has no letter or digit to find it by",
            id="an-alias-without-words",
        ),
        pytest.param(
            "bicycle = 0.2",
            "car = 0.2",
            "shop.toml:15: candidates.tire.part_of.car: is no candidate of this file",
            id="a-part-of-nothing",
        ),
        pytest.param(
            "bicycle = 0.2",
            "tire = 0.2",
            "shop.toml:15: candidates.tire.part_of.tire: 'tire' is 'tire' or a part of it",
            id="a-part-of-itself",
        ),
        pytest.param(
            "bicycle = 0.2",
            "bicycle = 1.0",
            "shop.toml:15: candidates.tire.part_of.bicycle: should be less than 1, got 1.0",
            id="a-part-that-is-all",
        ),
        pytest.param(
            "prior = 0.25",
            "prior = 0.6",
            "shop.toml:7: candidates: the priors sum to 1.1, more than 1",
            id="priors-above-1",
        ),
        pytest.param(
            "prior = 0.25",
            "prior = 0.0",
            "shop.toml:10: candidates.bicycle.prior: should be greater than 0, got 0.0",
            id="an-impossible-candidate",
        ),
        pytest.param(
            "full_sharpness = 20",
            "full_sharpness = 4",
            "shop.toml:26: pooling.full_sharpness: should be greater than gate.blur_below",
            id="sharp-below-blurred",
        ),
        pytest.param(
            "stray_share = 0.1",
            "stray_share = 0.0",
            "shop.toml:23: pooling.stray_share: should be greater than 0, got 0.0",
            id="one-picture-would-rule-all-out",
        ),
        pytest.param(
            "min_good_pictures = 2",
            "min_good_pictures = 0",
            "shop.toml:19: answer.min_good_pictures: should be greater than 0, got 0",
            id="an-answer-without-pictures",
        ),
        pytest.param(
            "max_pictures = 100",
            "max_pictures = 100_000",
            "shop.toml:5: max_pictures: should be less than or equal to 10000, got 100000",
            id="more-than-memory",
        ),
        pytest.param(
            "temperature = 1.5", "temperature = nan", "shop.toml:4: temperature", id="nan"
        ),
        pytest.param("[candidates.tire]", "[candidates.tire", "shop.toml:11: ", id="no-toml"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT

    said = fault(tmp_path, TEXT.replace(old, new, 1))

    assert said.startswith(expected)
    assert "\n" not in said


def test_all_faults_are_named_at_once_those_between_keys_too(tmp_path: Path) -> None:
    wrong = TEXT.replace("version = 3", "version = 0").replace("aliases = []", 'aliases = ["bike"]')
    wrong = wrong.replace("bicycle = 0.2", "car = 0.2").replace("copy_below", "copies_below")

    said = fault(tmp_path, wrong).splitlines()

    assert [line.split(": ")[1] for line in said] == [
        "version",
        "candidates.tire.aliases",
        "candidates.tire.part_of.car",
        "pooling.copy_below",
        "pooling.copies_below",
    ]


def test_a_ring_of_parts_is_refused(tmp_path: Path) -> None:
    ring = TEXT.replace("prior = 0.25", "prior = 0.25\npart_of = { tire = 0.1 }")

    assert fault(tmp_path, ring).count("a ring of parts") == 2


def test_parts_that_leave_nothing_of_the_whole_are_refused(tmp_path: Path) -> None:
    third = '[candidates.saddle]\nlabels = ["c"]\naliases = []\nprior = 0.1\n'
    third += "part_of = { bicycle = 0.8 }\n"

    said = fault(tmp_path, TEXT.replace("[answer]", third + "[answer]"))

    assert "candidates.saddle.part_of.bicycle: the parts of 'bicycle' take up all" in said


@pytest.mark.parametrize(
    "raw", ["candidates = 3\n", "candidates = { a = 1 }\n", "gate = 1\npooling = 'x'\n", ""]
)
def test_a_file_of_another_shape_is_refused_and_nothing_else(tmp_path: Path, raw: str) -> None:
    assert "missing key" in fault(tmp_path, raw)


def test_a_name_goes_before_a_path_and_neither_is_refused(tmp_path: Path) -> None:
    assert find_candidates("objects").candidates_id == "objects"
    assert find_candidates(str(written(tmp_path, TEXT))).candidates_id == "shop"

    with pytest.raises(PolicyError, match=r"^pets: neither .* \(objects\)$"):
        find_candidates("pets")
    with pytest.raises(PolicyError, match="neither"):
        find_candidates(str(tmp_path))


@pytest.mark.parametrize("name", BUILT_IN_CANDIDATES)
def test_a_built_in_files_labels_are_its_models(name: str) -> None:
    found = find_candidates(name)

    require_candidate_labels(found, find_model(found.model, cache=default_cache()).labels)
