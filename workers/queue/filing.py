"""What is given up gets a verdict too: `error`, with the reason, for a person to look at."""

import json
import re
from pathlib import Path

from pipeline.errors import LimitExceededError, PolicyError, UnreadableVideoError
from pipeline.judging.verdict import error_judgement
from pipeline.outputs import report_json
from pipeline.policies.read import parse_policy
from pipeline.records import ModelFacts, ReasonKind, Report, Timings
from workers.store.database import Connection
from workers.store.lookups import find_policy_copy, find_submission
from workers.store.records import Run, RunState, Submission
from workers.store.verdicts import Filing, file_verdict

RELAY = "relay"  # who files what nobody else does


def report_id(submission: Submission) -> str:
    """Return the id that a report calls a submission by: of its bytes, where they were read."""
    return f"sha256:{submission.sha256}" if submission.sha256 else f"unread:{submission.id}"


def fault_of(error: UnreadableVideoError | LimitExceededError) -> str:
    """Return a fault of a video as the reason, in JSON, that its verdict is to have."""
    is_limit = isinstance(error, LimitExceededError)
    kind = ReasonKind.LIMIT if is_limit else ReasonKind.UNREADABLE
    return json.dumps({"kind": kind.value, "detail": str(error)})


def file_abandoned(connection: Connection, run: Run, why: str, *, now_ms: int) -> None:
    """File the verdict of a run that is given up, its step having been marked as dead.

    The reason goes to whoever handed the video in: of paths it tells the last part only.
    """
    submission = find_submission(connection, run.submission_id, tenant=run.tenant)
    report = Report(
        submission_id=report_id(submission),
        tag=submission.tag,
        source=Path(submission.filename),
        video=None,
        model=ModelFacts(run.model_id, run.model_version, run.model_sha256, ()),
        policy_id=run.policy_id,
        policy_version=run.policy_version,
        policy_sha256=run.policy_sha256,
        max_gap_ms=_promise_ms(connection, run),
        judgement=error_judgement(ReasonKind.ABANDONED, _without_folders(why)),
        artifacts=(),
        timings=Timings(0.0, 0.0, 0.0),
    )
    filing = Filing(
        verdict=report.judgement.verdict,
        report=report_json.write(report).decode(),
        folder=None,
        state=RunState.DEAD,
        actor=RELAY,
    )
    file_verdict(connection, run, filing, now_ms=now_ms)


def _without_folders(text: str) -> str:
    """Return a text without the folders of the paths in it.

    >>> _without_folders("/srv/models/a.onnx: fails (at /tmp/x)")
    'a.onnx: fails (at x)'
    >>> _without_folders("1/2 done")
    '1/2 done'
    """
    return re.sub(r"(?<!\w)(?:/[^\s/:;,'\"]+)*/(?=[^\s/:;,'\"])", "", text)


def _promise_ms(connection: Connection, run: Run) -> int:
    """Return the sampling promise of a run's policy, 0 where that can no longer be read."""
    content = find_policy_copy(connection, run.policy_sha256)
    try:
        return parse_policy(content, name=run.policy_id).max_gap_ms
    except PolicyError:  # of an older Heatreel, whose rules for policies were others
        return 0
