"""What `heatreel tune` prints: for people a few lines a category, for machines one JSON object."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from pipeline.learning.audit import MissRate
from pipeline.learning.costs import Capacity
from pipeline.learning.score_calibration import Platt, Reliability
from pipeline.learning.thresholds import ASSUMPTION, Guarantee, MissThreshold, TooFew
from pipeline.learning.tuning import Calibrated, Untold
from pipeline.learning.what_if import WhatIf
from pipeline.outputs.names import escape_path, to_printable
from workers.library import Library
from workers.tuned import Tuned

SHOWN = 20  # changed videos that are named to people; machines are told all
PICTURE = "heatmap.png"


def say_text(tuned: Tuned) -> str:
    """Return what people read."""
    lines: list[str] = []
    for name in tuned.policy.categories:
        lines += [*(_say_category(tuned, name) if name in tuned.tunings else _say_none(name)), ""]
    if len(tuned.reviews) > 1:
        lines += [f"all at once: {say_what_if(tuned.joint, tuned.aims.costs.review_s)}", ""]
    if tuned.library.strays:
        lines.append(
            f"{tuned.library.strays:,} of {len(tuned.library.folders):,} videos were scanned under "
            "another policy; what it looked at twice is what that one asked for"
        )
    lines.append(f"A guarantee {ASSUMPTION}.")
    return "".join(f"{to_printable(line)}\n" for line in lines)


def say_json(tuned: Tuned) -> str:
    """Return one line of JSON."""
    model = tuned.library.model
    told = {
        "policy": {
            "id": tuned.policy.policy_id,
            "version": tuned.policy.version,
            "sha256": tuned.policy.sha256,
        },
        "model": {"id": model.model_id, "sha256": model.sha256},
        "decisions_sha256": tuned.decisions.sha256,
        "videos": len(tuned.library.folders),
        "scanned_under_another_policy": tuned.library.strays,
        "max_miss": tuned.aims.max_miss,
        "confidence_each": tuned.aims.confidence,
        "cost_confidences": asdict(tuned.costs),
        "assumption": ASSUMPTION,
        "categories": {name: _category_object(tuned, name) for name in tuned.tunings},
        "what_if": _what_if_object(tuned.joint, tuned.library),
    }
    return json.dumps(_without_nan(told), allow_nan=False) + "\n"


def say_what_if(found: WhatIf, review_s: float) -> str:
    """Return what new thresholds would change, in one line.

    >>> say_what_if(WhatIf(20_000, (1,), tuple(range(2, 123)), (2, 3), ()), 12)
    'would change 122 of 20,000 videos: 120 fewer reviews (0.4 h), 2 known misses'
    """
    more, hours = found.more_reviews, abs(found.more_hours(review_s))
    reviews = f"{abs(more):,} {'more' if more > 0 else 'fewer'} reviews ({hours:.1f} h)"
    known = [
        f"{len(rows):,} known {one if len(rows) == 1 else many}"
        for rows, one, many in (
            (found.known_misses, "miss", "misses"),
            (found.known_finds, "find", "finds"),
        )
        if rows
    ]
    told = ", ".join([reviews, *known])
    return f"would change {found.changed:,} of {found.videos:,} videos: {told}"


def say_guarantee(guarantee: Guarantee | Untold, max_miss: float, at: str) -> str:
    """Return a threshold with what it promises, or how many labels are missing.

    >>> say_guarantee(TooFew(100, 49), 0.02, "at 95 % confidence")
    'none: 49 more uniformly sampled removals needed (100 there) for 2 % at 95 % confidence'
    """
    aim = f"{_percent(max_miss)} {at}"
    match guarantee:
        case Untold(why):
            return f"none: {why}"
        case TooFew(positives, missing):
            return (
                f"none: {missing:,} more uniformly sampled removals needed ({positives:,} there) "
                f"for {aim}"
            )
        case MissThreshold(threshold, positives, allowed, bound):
            return (
                f"{threshold:.7g} misses at most {aim} ({allowed:,} of {positives:,} removals "
                f"may lie below it; bound {_percent(bound)})"
            )


def _say_category(tuned: Tuned, name: str) -> Iterator[str]:
    labels, tuning, aims = tuned.labels[name], tuned.tunings[name], tuned.aims
    rule = next(rule for rule in tuned.policy.rules if rule.category == name)
    uniform = labels.sample
    yield (
        f"{name}: {len(labels.scores):,} labels ({labels.is_positive.sum():,} removed), "
        f"{len(uniform.scores):,} of them sampled uniformly ({uniform.is_positive.sum():,} removed)"
        + "".join(_say_left_out(labels.unscored, labels.others))
    )
    yield f"  calibration  {_say_calibration(tuning.calibration)}"
    yield f"  misses now   {_say_audit(tuning.audit, rule.review, aims.confidence)}"
    at = f"at {100 * aims.confidence:g} % confidence"
    yield f"  threshold    {say_guarantee(tuning.guarantee, aims.max_miss, at)}"
    if isinstance(tuning.guarantee, MissThreshold) and name not in tuned.reviews:
        yield "               but it is 0: every video is to be reviewed, which no policy says"
    if name in tuned.provisional:
        yield (
            f"               provisional: below {rule.review:g}, peaks were not looked at again; "
            "scan under it, and tune again"
        )
    yield f"  weaker       {say_guarantee(tuning.average, aims.max_miss, 'on average')}"
    yield f"  by cost      {_say_costs(tuned, name)}"
    if tuning.capacity:
        yield f"  a day buys   {_say_capacity(tuning.capacity, aims.confidence)}"
    if name in tuned.what_ifs:
        yield f"  {say_what_if(tuned.what_ifs[name], aims.costs.review_s)}"
        yield from _list_changed(tuned.what_ifs[name], tuned.library)


def _say_none(name: str) -> list[str]:
    return [f"{name}: no labels"]


def _say_left_out(unscored: int, others: int) -> Iterator[str]:
    if unscored:
        yield f"; {unscored:,} without a score left out: they always go to a person"
    if others:
        yield f"; {others:,} sampled otherwise left out"


def _say_calibration(found: Calibrated | Untold) -> str:
    if isinstance(found, Untold):
        return f"none: {found.why}"
    method = "Platt" if isinstance(found.calibrator, Platt) else "isotonic"
    after = (
        found.after.why
        if isinstance(found.after, Untold)
        else f"{found.after.error:.3f} calibrated"
    )
    return f"{method}; expected calibration error {found.before.error:.3f} as scored, {after}"


def _say_audit(found: MissRate, review: float, confidence: float) -> str:
    if math.isnan(found.rate):
        return f"unknown at {review:g}: no uniformly sampled removals"
    return (
        f"{_percent(found.rate)} at {review:g} ({found.missed:,} of {found.positives:,} uniformly "
        f"sampled removals; {100 * confidence:g} % interval {_percent(found.low)} to "
        f"{_percent(found.high)})"
    )


def _say_costs(tuned: Tuned, name: str) -> str:
    found, wanted = tuned.tunings[name].costs, tuned.costs
    if not wanted.is_review_worth_it:
        return f"nobody should review: a removal is cheaper from {wanted.remove:.2g} on"
    confidences = f"confidence {wanted.review:.2g}, a removal unseen above {wanted.remove:.2g}"
    if isinstance(found, Untold):
        return f"a review pays from {confidences}; no scores for them: {found.why}"
    return f"a review pays from {confidences}: scores {found.review:.4g} and {found.remove:.4g}"


def _say_capacity(found: Capacity, confidence: float) -> str:
    if math.isinf(found.threshold):
        return (
            f"not even the reviews of what has the highest score ({found.reviews_a_day:,.0f} due)"
        )
    return (
        f"{found.reviews_a_day:,.0f} reviews: all from {found.threshold:.7g} on; misses at most "
        f"{_percent(found.miss_bound)} at {100 * confidence:g} % confidence"
    )


def _list_changed(found: WhatIf, library: Library) -> Iterator[str]:
    misses, finds = set(found.known_misses), set(found.known_finds)
    changed = [(i, "review to pass") for i in found.dropped]
    changed += [(i, "pass to review") for i in found.added]
    changed.sort(key=lambda one: one[0] not in misses | finds)
    for i, what in changed[:SHOWN]:
        known = "  a person removed it" if i in misses | finds else ""
        yield f"    {what}  {library.folders[i] / PICTURE}{known}"
    if len(changed) > SHOWN:
        yield f"    and {len(changed) - SHOWN:,} more; --json names all"


def _category_object(tuned: Tuned, name: str) -> dict[str, Any]:
    labels, tuning = tuned.labels[name], tuned.tunings[name]
    what_if = tuned.what_ifs.get(name)
    return {
        "labels": len(labels.scores),
        "removed": int(labels.is_positive.sum()),
        "uniform": int(labels.is_uniform.sum()),
        "uniform_removed": int(labels.sample.is_positive.sum()),
        "unscored": labels.unscored,
        "sampled_otherwise": labels.others,
        "calibration": _calibration_object(tuning.calibration),
        "audit": asdict(tuning.audit),
        "guarantee": asdict(tuning.guarantee),
        "guarantee_on_average": asdict(tuning.average),
        "cost_scores": asdict(tuning.costs),
        "capacity": asdict(tuning.capacity) if tuning.capacity else None,
        "review": tuned.reviews.get(name),
        "is_provisional": name in tuned.provisional,
        "what_if": _what_if_object(what_if, tuned.library) if what_if else None,
    }


def _calibration_object(found: Calibrated | Untold) -> dict[str, Any]:
    if isinstance(found, Untold):
        return asdict(found)
    fitted = found.calibrator
    curve = (
        {"method": "platt", "slope": fitted.slope, "intercept": fitted.intercept}
        if isinstance(fitted, Platt)
        else {
            "method": "isotonic",
            "scores": fitted.scores.tolist(),
            "confidences": fitted.confidences.tolist(),
        }
    )
    after = found.after
    return curve | {
        "before": _reliability_object(found.before),
        "after": asdict(after) if isinstance(after, Untold) else _reliability_object(after),
    }


def _reliability_object(found: Reliability) -> dict[str, Any]:
    return {
        "error": found.error,
        "counts": found.counts.tolist(),
        "confidences": found.confidences.tolist(),
        "shares": found.shares.tolist(),
    }


def _what_if_object(found: WhatIf, library: Library) -> dict[str, Any]:
    return {
        "videos": found.videos,
        "more_reviews": found.more_reviews,
        "added": _names(found.added, library),
        "dropped": _names(found.dropped, library),
        "known_misses": _names(found.known_misses, library),
        "known_finds": _names(found.known_finds, library),
    }


def _names(rows: Iterable[int], library: Library) -> list[str]:
    return [escape_path(library.folders[i]) for i in rows]


def _without_nan(value: Any) -> Any:
    """Return *value* with null for what JSON has no number for."""
    match value:
        case dict():
            return {key: _without_nan(item) for key, item in value.items()}
        case list():
            return [_without_nan(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
    return value


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
