"""The evidence: what the thresholds of a tuned policy rest on, as JSON; equal in, equal out."""

import json
from datetime import UTC, datetime
from typing import Any

from pipeline.learning.thresholds import ASSUMPTION, MissThreshold
from pipeline.outputs.names import escape_surrogates
from workers.tuned import Tuned

KIND = "heatreel threshold evidence 1"


def say_evidence(tuned: Tuned, *, at_ms: int) -> bytes:
    """Return the bytes of the evidence; *at_ms* is now, milliseconds of Unix time."""
    policy, model = tuned.policy, tuned.library.model
    evidence = {
        "kind": KIND,
        "made_at": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds"),
        "made_from": {"id": policy.policy_id, "version": policy.version, "sha256": policy.sha256},
        "model": {
            "id": escape_surrogates(model.model_id),
            "version": escape_surrogates(model.version),
            "sha256": escape_surrogates(model.sha256),
        },
        "decisions": {"sha256": tuned.decisions.sha256, "rows": len(tuned.decisions.rows)},
        "reports": {
            "videos": len(tuned.library.folders),
            "under_another_policy": tuned.library.strays,
        },
        "max_miss": tuned.aims.max_miss,
        "confidence_each": tuned.aims.confidence,
        "assumption": ASSUMPTION,
        "categories": {name: _of_category(tuned, name) for name in tuned.reviews},
    }
    text = json.dumps(evidence, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _of_category(tuned: Tuned, name: str) -> dict[str, Any]:
    labels, guarantee = tuned.labels[name], tuned.tunings[name].guarantee
    if not isinstance(guarantee, MissThreshold):
        raise ValueError(f"{name} must have a guarantee, got {guarantee}")  # noqa: TRY004
    return {
        "review": tuned.reviews[name],
        "threshold": guarantee.threshold,
        "uniform_positives": guarantee.positives,
        "allowed_misses": guarantee.allowed,
        "miss_bound": guarantee.bound,
        "labels": len(labels.scores),
        "uniform_labels": int(labels.is_uniform.sum()),
        "is_provisional": name in tuned.provisional,
    }
