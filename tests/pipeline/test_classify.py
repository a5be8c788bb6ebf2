"""The chain of a classification: files in, one answer or a person out, nothing dropped."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.classified import Classified, VoteOutcome
from pipeline.classify import Judges, Strangeness, classify
from pipeline.records import BankFacts, Gate, ModelOutputs
from pipeline.scoring.session import Scorer
from pipeline.votes import Candidate, DoubtKind
from tests.classifying import colours, judges, save, save_black, save_video

BANK = BankFacts("0" * 64, "knn", threshold=0.5, false_alarms=0.05)


def run(paths: list[Path], wanted: Judges, text: str = "") -> Classified:
    return classify("test", paths, text, wanted)


def test_pictures_of_one_object_have_an_answer(tmp_path: Path, colour: Scorer) -> None:
    paths = [save(tmp_path / f"{i}.png", is_magenta=True, seed=i) for i in range(3)]

    found = run(paths, judges(colour))

    assert found.vote is not None
    assert (found.outcome, found.vote.answer) == (VoteOutcome.ANSWER, "magenta")
    assert [seen.path for seen in found.pictures] == paths
    assert [picture.weight for picture in found.vote.pictures] == pytest.approx([1 / 3] * 3)
    assert all(seen.thumbnail for seen in found.pictures)


def test_a_bad_picture_is_told_and_does_not_vote(tmp_path: Path, colour: Scorer) -> None:
    good, black = save(tmp_path / "a.png", is_magenta=True), save_black(tmp_path / "b.png")

    found = run([black, good], judges(colour))

    assert found.vote is not None
    assert [seen.gate for seen in found.pictures] == [Gate.BLACK, Gate.OK]
    assert [picture.weight for picture in found.vote.pictures] == [0, 1]
    assert found.vote.answer == "magenta"


def test_what_falls_to_a_negative_class_is_none_of_them(tmp_path: Path, colour: Scorer) -> None:
    """The model knows another label beside magenta; no candidate names it."""
    only = replace(colours(), candidates=(Candidate("magenta", ("magenta",), (), 0.9, ()),))
    paths = [save(tmp_path / f"{seed}.png", is_magenta=False, seed=seed) for seed in range(3)]

    found = run(paths, judges(colour, only))

    assert found.vote is not None
    assert found.outcome is VoteOutcome.REVIEW
    assert DoubtKind.NOTHING_SAID in {doubt.kind for doubt in found.vote.doubts}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"no picture\n" * 40, "is no picture, and is no video", id="text"),
        pytest.param(b"", "is no picture, and is empty", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), "", id="a-picture-that-breaks-off"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(400), "", id="a-jpeg-of-zeros"),
        pytest.param(b"BM", "", id="two-letters"),
    ],
)
def test_what_is_no_picture_is_named_and_the_rest_goes_on(
    tmp_path: Path, colour: Scorer, content: bytes, why: str
) -> None:
    odd = tmp_path / "odd.jpg"
    odd.write_bytes(content)

    found = run([odd, save(tmp_path / "a.png", is_magenta=True)], judges(colour))

    assert found.outcome is VoteOutcome.ANSWER
    assert [each.path for each in found.unread] == [odd]
    assert found.unread[0].why.startswith(why)
    assert "\n" not in found.unread[0].why
    assert found.files == 2


def test_a_pipe_a_folder_and_nothing_are_not_waited_for(tmp_path: Path, colour: Scorer) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    odd = [tmp_path / "pipe", tmp_path, tmp_path / "link", Path("a\0b")]

    found = run(odd, judges(colour))

    assert (found.outcome, found.error) == (VoteOutcome.ERROR, "none of its files could be read")
    assert [each.path for each in found.unread] == odd


def test_no_pictures_are_an_error(colour: Scorer) -> None:
    assert run([], judges(colour)).error == "there are no pictures"


@pytest.mark.parametrize("count", [2, 3])
def test_more_pictures_than_the_limit_are_not_judged(
    tmp_path: Path, colour: Scorer, count: int
) -> None:
    paths = [save(tmp_path / f"{i}.png", is_magenta=True, seed=i) for i in range(count)]

    found = run(paths, judges(colour, colours(max_pictures=2)))

    assert found.error == ("" if count == 2 else "has more than 2 pictures")
    assert (found.vote is None) is (count == 3)


def test_ten_thousand_paths_are_refused_before_one_is_read(tmp_path: Path, colour: Scorer) -> None:
    found = run([tmp_path / "gone.png"] * 10_000, judges(colour))

    assert found.error == "has more than 1,000 pictures"
    assert found.unread == ()


def test_the_frames_of_a_video_vote(tmp_path: Path, colour: Scorer) -> None:
    video = save_video(tmp_path / "clip.mp4", is_magenta=True)

    found = run([video], judges(colour))

    assert found.vote is not None
    assert found.vote.answer == "magenta"
    times = [seen.timestamp_ms for seen in found.pictures]
    assert times[0] == 0
    assert len(times) >= 3


def test_a_video_gives_no_more_frames_than_the_limit(tmp_path: Path, colour: Scorer) -> None:
    video = save_video(tmp_path / "clip.mp4", is_magenta=True, seconds=8)

    found = run([video], judges(colour, colours(max_pictures=4, max_gap_ms=100)))

    assert found.outcome is VoteOutcome.ANSWER
    assert 2 <= len(found.pictures) <= 4


def test_a_video_and_pictures_are_one_submission(tmp_path: Path, colour: Scorer) -> None:
    video = save_video(tmp_path / "clip.mp4", is_magenta=True)
    other = save(tmp_path / "a.png", is_magenta=False)

    found = run([other, video], judges(colour))

    assert {seen.path for seen in found.pictures} == {video, other}


def test_frames_count_towards_the_limit(tmp_path: Path, colour: Scorer) -> None:
    video = save_video(tmp_path / "clip.mp4", is_magenta=True)
    other = save(tmp_path / "a.png", is_magenta=True)

    found = run([video, other], judges(colour, colours(max_pictures=2)))

    assert found.error == "has more than 2 pictures"
    assert found.pictures == ()


@pytest.mark.parametrize(
    ("ood", "is_stranger"),
    [(0.4, False), (0.5, False), (0.6, True), (np.nan, True)],
    ids=["below", "on-the-line", "above", "no-score"],
)
def test_a_stranger_does_not_vote(
    tmp_path: Path, colour: Scorer, ood: float, *, is_stranger: bool
) -> None:
    def measure(outputs: ModelOutputs) -> NDArray[np.float32]:
        return np.full(len(outputs.scores), ood, np.float32)

    picture = save(tmp_path / "a.png", is_magenta=True)
    found = run([picture], judges(colour, strangeness=Strangeness(measure, BANK)))

    assert found.vote is not None
    assert found.bank == BANK
    assert found.pictures[0].is_stranger is is_stranger
    assert found.pictures[0].ood == pytest.approx(ood, nan_ok=True)
    kinds = {doubt.kind for doubt in found.vote.doubts}
    assert kinds == ({DoubtKind.FEW_PICTURES, DoubtKind.STRANGERS} if is_stranger else set())


def test_the_title_is_heard(tmp_path: Path, colour: Scorer) -> None:
    paths = [
        save(tmp_path / "a.png", is_magenta=True),
        save(tmp_path / "b.png", is_magenta=False, seed=1),
    ]
    open_minded = judges(colour, colours(answer={"max_disagreement": 1.0}))

    before, after = run(paths, open_minded), run(paths, open_minded, "something pink")

    assert before.vote is not None
    assert after.vote is not None
    assert before.vote.answer is None
    assert after.vote.answer == "magenta"
