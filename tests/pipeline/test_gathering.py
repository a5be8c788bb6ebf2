"""Gathering: good pictures and frames with their features, whatever comes in between."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ModelError, UnreadableVideoError
from pipeline.gathering import MAX_OWN, OwnSample, Seen, see_still, see_video, to_pictures
from pipeline.learning.copies import find_copies
from pipeline.media.encode import Encoding, write_video
from pipeline.media.here import DecoderHere
from pipeline.policies.read import find_policy
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.manifest import read_manifest
from pipeline.scoring.session import Scorer, open_scorer
from tests.workers.groups_parts import pattern, write_clip, write_patch_model

POLICY = find_policy("default")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return open_model(write_patch_model(tmp_path_factory.mktemp("model")))


def open_model(manifest: Path) -> Scorer:
    return open_scorer(
        read_manifest(manifest),
        device=Device.CPU,
        device_id=0,
        precision=Precision.FP32,
        threads=1,
    )


def still(path: Path, scorer: Scorer, key: str = "sha256:a") -> list[Seen]:
    return see_still(
        path,
        submission_id=key,
        policy=POLICY,
        scorer=scorer,
        decoder=DecoderHere(),
        sample=OwnSample(),
    )


def test_a_picture_is_seen_with_features_and_likeness_to_itself(
    tmp_path: Path, scorer: Scorer
) -> None:
    Image.fromarray(pattern(0, 0)).save(tmp_path / "a.png")

    (seen,) = still(tmp_path / "a.png", scorer)

    assert (seen.key, seen.timestamp_ms) == ("sha256:a", None)
    assert seen.features.shape == (192,)
    assert 0 < seen.own < 2


def test_a_bad_picture_is_left_out(tmp_path: Path, scorer: Scorer) -> None:
    Image.new("RGB", (160, 160)).save(tmp_path / "black.png")

    assert still(tmp_path / "black.png", scorer) == []


def test_what_is_no_picture_is_an_error(tmp_path: Path, scorer: Scorer) -> None:
    (tmp_path / "a.png").write_text("no picture")

    with pytest.raises(UnreadableVideoError):
        still(tmp_path / "a.png", scorer)


def test_a_model_without_features_is_refused(tmp_path: Path) -> None:
    path = write_patch_model(tmp_path)
    text = path.read_text().replace('features = "features"\n', "")
    path.write_text(text.replace('feature_map = "feature_map"\n', ""))
    Image.fromarray(pattern(0, 0)).save(tmp_path / "a.png")

    with pytest.raises(ModelError, match="no features"):
        still(tmp_path / "a.png", open_model(path))


def test_frames_are_called_by_their_time_and_frozen_ones_left_out(
    tmp_path: Path, scorer: Scorer
) -> None:
    write_clip(tmp_path / "clip.mp4", 0, 4)

    seen = list(
        see_video(
            tmp_path / "clip.mp4",
            submission_id="sha256:b",
            policy=POLICY,
            scorer=scorer,
            decoder=DecoderHere(),
            sample=OwnSample(),
        )
    )

    assert [one.key for one in seen] == [f"sha256:b@{one.timestamp_ms}" for one in seen]
    assert [(one.timestamp_ms or 0) // 1_000 for one in seen] == [0, 1, 2, 3]


def test_a_still_scene_is_one_picture(tmp_path: Path, scorer: Scorer) -> None:
    encoding = Encoding(rate_hz=5, keyframe_interval=5, options={"crf": "1"})
    write_video(tmp_path / "still.mp4", [pattern(0, 0)] * 20, encoding)

    seen = see_video(
        tmp_path / "still.mp4",
        submission_id="sha256:b",
        policy=POLICY,
        scorer=scorer,
        decoder=DecoderHere(),
        sample=OwnSample(),
    )

    assert len(list(seen)) == 1


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        pytest.param("small.png", None, id="resized"),
        pytest.param("rough.jpg", 60, id="re-encoded"),
    ],
)
def test_a_copy_of_a_photograph_is_known_for_one(
    tmp_path: Path, scorer: Scorer, name: str, quality: int | None
) -> None:
    whole = Image.fromarray(pattern(0, 0)).resize((640, 640))
    whole.save(tmp_path / "whole.png")
    whole.resize((320, 320)).save(tmp_path / name, quality=quality or 95)
    Image.fromarray(pattern(0, 1)).save(tmp_path / "another.png")

    names = ["whole.png", name, "another.png"]
    seen = [one for i, n in enumerate(names) for one in still(tmp_path / n, scorer, f"{i}")]

    assert find_copies(to_pictures(seen)).tolist() == [0, 0, 2]


def chosen(keys: Sequence[str]) -> set[str]:
    sample = OwnSample()
    wanted = [key for key in keys if sample.wants(key)]
    seen = [
        Seen(
            key=key,
            source=Path("x"),
            timestamp_ms=None,
            features=np.ones(2, dtype=np.float32),
            signature=np.empty(0, dtype=np.uint8),
            thumbnail=b"",
            own=0.5 if key in wanted else math.nan,
        )
        for key in keys
    ]
    pictures = to_pictures(seen)
    return {key for key, own in zip(pictures.keys, pictures.own, strict=True) if own == 0.5}


def test_the_same_few_are_compared_with_themselves_in_any_order() -> None:
    keys = [f"k{i}" for i in range(1_000)]
    mixed = [keys[i] for i in np.random.default_rng(0).permutation(1_000)]

    assert len(chosen(keys)) == MAX_OWN
    assert chosen(keys) == chosen(mixed) == chosen(keys[::-1])


def test_nothing_seen_is_no_pictures() -> None:
    assert len(to_pictures([])) == 0
