"""Timelines: the scores of a model's labels become the confidences of a policy's categories."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PolicyError
from pipeline.judging.coverage import uncovered_spans
from pipeline.judging.runs import is_good
from pipeline.records import Exclusivity, FrameScores, Gate, Policy, Rule, Timeline


def require_labels(policy: Policy, labels: Sequence[str]) -> None:
    """Raise PolicyError naming every label of the policy that the model does not have.

    It is called before anything is decoded; everything after it takes the labels for granted.
    """
    known = set(labels)
    unknown = [
        f"rules.{rule.category}: {label!r}"
        for rule in policy.rules
        for label in rule.labels
        if label not in known
    ]
    if unknown:
        raise PolicyError(
            f"policy {policy.policy_id!r} names labels that its model does not have: "
            + ", ".join(unknown)
        )


def build_timeline(scores: FrameScores, policy: Policy, exclusivity: Exclusivity) -> Timeline:
    """Return one stream's timeline: categories by frames.

    A frame's confidence is the sum of its labels' scores where labels exclude each other, at most
    1, and their maximum where they do not; NaN where the gate found the frame bad, whatever its
    scores. Corrupt frames do not count as sampled for `uncovered`; black, flat and blurred ones
    do: somebody looked, there was nothing to see.

    Raises:
        ValueError: if the scores lack a label of the policy; see `require_labels`.
    """
    confidences = np.stack([_score(scores, rule, exclusivity) for rule in policy.rules], axis=1)
    confidences[~is_good(scores.gates)] = np.nan
    return Timeline(
        policy.categories,
        scores.stream,
        scores.duration_ms,
        scores.timestamps_ms,
        scores.looks,
        scores.gates,
        confidences,
        uncovered_spans(
            scores.timestamps_ms[scores.gates != Gate.CORRUPT],
            scores.examined,
            duration_ms=scores.duration_ms,
            max_gap_ms=policy.max_gap_ms,
        ),
        scores.cuts_ms,
        _find_strangers(scores),
    )


def _find_strangers(scores: FrameScores) -> NDArray[np.bool_] | None:
    """Return which good frames are above the bank's threshold, shape (N,); None without a bank."""
    if scores.bank is None:
        return None
    # Written so that NaN fails too: what could not be compared is not thereby familiar.
    is_familiar = scores.ood <= np.float32(scores.bank.threshold)
    return np.asarray(is_good(scores.gates) & ~is_familiar)


def _score(scores: FrameScores, rule: Rule, exclusivity: Exclusivity) -> NDArray[np.float32]:
    columns = scores.scores[:, [scores.labels.index(label) for label in rule.labels]]
    if exclusivity is Exclusivity.SIGMOID:
        return np.asarray(columns.max(axis=1))
    # Rounding can lift a sum of exclusive scores a little above 1.
    return np.asarray(np.minimum(columns.sum(axis=1), np.float32(1)))
