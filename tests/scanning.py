"""Scanning in tests: a policy for the known colour, and the chain run as a user would."""

from pathlib import Path

from pipeline.media.here import DecoderHere
from pipeline.policies.read import find_policy
from pipeline.records import Examination, Policy, Rule
from pipeline.scan import Scan, scan_video
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.manifest import read_manifest
from pipeline.scoring.session import Scorer, open_scorer
from tests.models import write_colour_model

MAGENTA_RULE = Rule("magenta", ("magenta",), 0.5, None, 0, is_strict=False, severity=2)


def colour_policy(
    *,
    max_gap_ms: int = 1_000,
    examination: Examination = Examination.PICTURES,
    rule: Rule = MAGENTA_RULE,
) -> Policy:
    """Return the default policy, but for the rules: it looks for the known colour."""
    base = find_policy("nudity")
    changes = {"rules": (rule,), "max_gap_ms": max_gap_ms, "examination": examination}
    fields = {name: getattr(base, name) for name in base.__slots__}
    return Policy(**{**fields, **changes, "policy_id": "magenta", "model": "colour"})


def colour_scorer(folder: Path) -> Scorer:
    """Return a scorer that knows magenta, its model written into *folder*."""
    manifest = read_manifest(write_colour_model(folder))
    return open_scorer(
        manifest, device=Device.CPU, device_id=0, precision=Precision.FP32, threads=1
    )


def scan(path: Path, policy: Policy, scorer: Scorer) -> Scan:
    """Scan a file, as the command line does."""
    return scan_video(
        path,
        submission_id="sha256:test",
        policy=policy,
        scorer=scorer,
        decoder=DecoderHere(),
        tag="",
        on_progress=lambda _share: None,
    )
