"""Tuned: what decisions about a library of reports say of a policy's thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pipeline.learning.costs import CostThresholds, cost_thresholds
from pipeline.learning.thresholds import MissThreshold, split_confidence
from pipeline.learning.tuning import Aims, Labels, Tuning, to_policy_threshold, tune_category
from pipeline.learning.what_if import WhatIf, compare_thresholds
from pipeline.records import Policy
from workers.decisions_file import Decisions
from workers.library import Library, Rows, find_removed, find_rows, to_labels

SEED = 0  # folds and bootstrap: equal input, equal output


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """What came of it.

    Attributes:
        policy: the one that was tuned.
        library: what was scored.
        decisions: what people settled.
        aims: what was wanted of each category; their confidences make up the one asked for.
        costs: the cost-optimal confidences.
        labels: by category, of those that were decided about.
        tunings: likewise.
        reviews: the new thresholds of those that have a guarantee, as they stand in a policy.
        provisional: those of them below the threshold under which the videos were scanned: peaks
            between the two were never looked at again.
        what_ifs: what each of the new thresholds would change, by category.
        joint: what all of them would change together.
    """

    policy: Policy
    library: Library
    decisions: Decisions
    aims: Aims
    costs: CostThresholds
    labels: dict[str, Labels]
    tunings: dict[str, Tuning]
    reviews: dict[str, float]
    provisional: frozenset[str]
    what_ifs: dict[str, WhatIf]
    joint: WhatIf


def tune(policy: Policy, library: Library, decisions: Decisions, aims: Aims) -> Tuned:
    """Return what the decisions say.

    Args:
        policy: whose thresholds are tuned.
        library: what was scored.
        decisions: what people settled.
        aims: what is wanted; the confidence that all guarantees are to hold at once.

    Raises:
        DecisionsError: as `find_rows`.
    """
    rows = find_rows(library, decisions.rows, policy)
    named = {name for _, name in rows}
    labels = {
        name: to_labels(library, rows, policy, name) for name in policy.categories if name in named
    }
    shared = replace(aims, confidence=split_confidence(aims.confidence, max(1, len(labels))))
    tunings = _tune_each(policy, library, labels, shared)
    reviews = _new_reviews(tunings)
    what_ifs = {name: _what_if(library, rows, policy, {name: reviews[name]}) for name in reviews}
    old = {rule.category: rule.review for rule in policy.rules}
    return Tuned(
        policy=policy,
        library=library,
        decisions=decisions,
        aims=shared,
        costs=cost_thresholds(aims.costs),
        labels=labels,
        tunings=tunings,
        reviews=reviews,
        provisional=frozenset(name for name, review in reviews.items() if review < old[name]),
        what_ifs=what_ifs,
        joint=_what_if(library, rows, policy, reviews),
    )


def _tune_each(
    policy: Policy, library: Library, labels: Mapping[str, Labels], aims: Aims
) -> dict[str, Tuning]:
    rng = np.random.default_rng(SEED)
    return {
        rule.category: tune_category(
            labels[rule.category], library.scores[:, i], rule=rule, aims=aims, rng=rng
        )
        for i, rule in enumerate(policy.rules)
        if rule.category in labels
    }


def _new_reviews(tunings: Mapping[str, Tuning]) -> dict[str, float]:
    """Return the thresholds that can stand in a policy; one of 0 cannot, it would always fire."""
    return {
        name: to_policy_threshold(tuning.guarantee.threshold)
        for name, tuning in tunings.items()
        if isinstance(tuning.guarantee, MissThreshold) and tuning.guarantee.threshold > 0
    }


def _what_if(library: Library, rows: Rows, policy: Policy, reviews: Mapping[str, float]) -> WhatIf:
    old = [rule.review for rule in policy.rules]
    new = [reviews.get(rule.category, rule.review) for rule in policy.rules]
    return compare_thresholds(
        library.scores,
        library.is_held,
        find_removed(library, rows),
        old=np.array(old, np.float64),
        new=np.array(new, np.float64),
    )
