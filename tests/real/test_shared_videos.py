"""The real videos beside the repository: nothing is found in them, and nothing is left unseen."""

from pathlib import Path

import pytest

from pipeline.policies.read import find_policy
from pipeline.records import Outcome
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import find_model
from pipeline.scoring.session import open_scorer
from tests.scanning import scan


@pytest.mark.real
@pytest.mark.parametrize("policy_name", ["nudity", "nudity-fast", "cats"])
def test_real_videos_are_seen_throughout_and_pass(
    policy_name: str, shared: Path, tmp_path: Path
) -> None:
    policy = find_policy(policy_name)
    manifest = find_model(policy.model, cache=tmp_path)
    scorer = open_scorer(
        manifest, device=Device.CPU, device_id=0, precision=Precision.FP32, threads=1
    )
    videos = sorted((shared / "videos").glob("*.mp4"))

    judgements = [scan(video, policy, scorer).report.judgement for video in videos]

    assert len(judgements) >= 4
    assert [judgement.verdict.outcome for judgement in judgements] == [Outcome.PASS] * len(videos)
    assert all(judgement.coverage == 1.0 for judgement in judgements)
