"""The demo's video: real photographs, the cat when it is said to be there."""

from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest

from workers.demo import CAT, RATE_HZ, SHOTS, make_demo_video


def test_the_cat_is_there_for_four_seconds_and_for_half_a_second() -> None:
    ends = list(accumulate(shot.frames for shot in SHOTS))
    spans = [
        ((end - shot.frames) / RATE_HZ, end / RATE_HZ)
        for shot, end in zip(SHOTS, ends, strict=True)
        if shot.photo == CAT
    ]
    assert spans == [(16.0, 20.0), (35.0, 35.5)]


@pytest.mark.slow
def test_the_video_is_what_the_shots_say(tmp_path: Path) -> None:
    make_demo_video(tmp_path / "new" / "demo.mp4")

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["demo.mp4"]
    with av.open(str(tmp_path / "new" / "demo.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height) == (1280, 720)
        shown = [frame.to_ndarray(format="gray")[::40, ::40] for frame in video.decode(stream)]
    assert len(shown) == sum(shot.frames for shot in SHOTS)
    steps = np.abs(np.diff(np.array(shown, np.int16), axis=0)).mean(axis=(1, 2))
    cuts = [shot_end - 1 for shot_end in accumulate(shot.frames for shot in SHOTS[:-1])]
    assert sorted(np.argsort(steps)[-len(cuts) :].tolist()) == cuts
