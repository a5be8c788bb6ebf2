"""A classified submission as one line of JSON, for machines; `schema_version` 1."""

import json
import math
from dataclasses import asdict
from typing import Any

from pipeline.classified import Classified, Seen
from pipeline.outputs.names import escape_path, escape_surrogates
from pipeline.votes import PictureVote, Vote
from pipeline.wording.votes import say_doubt, say_doubts

SCHEMA_VERSION = 1


def to_line(classified: Classified) -> str:
    """Return one line, with its end. What is not known is null; confidences are in [0, 1]."""
    return json.dumps(to_object(classified), allow_nan=False) + "\n"


def to_object(classified: Classified) -> dict[str, Any]:
    """Return what stands in the line."""
    vote = classified.vote
    return {
        "schema_version": SCHEMA_VERSION,
        "submission": escape_surrogates(classified.name),
        "text": escape_surrogates(classified.text),
        "outcome": classified.outcome.value,
        "answer": vote.answer if vote else None,
        "why": say_doubts(vote) if vote else classified.error,
        "candidates": {
            "id": classified.candidates_id,
            "version": classified.candidates_version,
            "sha256": classified.candidates_sha256,
        },
        "model": {
            "id": classified.model.model_id,
            "version": classified.model.version,
            "sha256": classified.model.sha256,
            "providers": list(classified.model.providers),
        },
        "bank": asdict(classified.bank) if classified.bank else None,
        "vote": _vote(vote) if vote else None,
        "files": classified.files,
        "pictures": _pictures(classified),
        "unread": [
            {"path": escape_path(each.path), "why": escape_surrogates(each.why)}
            for each in classified.unread
        ],
    }


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "rule": vote.rule.value,
        "best": [{"name": each.name, "confidence": each.confidence} for each in vote.best],
        "none_of_them": _number(vote.other),
        "margin": _number(vote.margin),
        "disagreement": _number(vote.disagreement),
        "doubts": [
            {
                "kind": doubt.kind.value,
                "found": doubt.found,
                "threshold": doubt.threshold,
                "detail": say_doubt(doubt),
            }
            for doubt in vote.doubts
        ],
    }


def _pictures(classified: Classified) -> list[dict[str, Any]]:
    if classified.vote is None:
        return []
    pairs = zip(classified.pictures, classified.vote.pictures, strict=True)
    return [_picture(seen, vote) for seen, vote in pairs]


def _picture(seen: Seen, vote: PictureVote) -> dict[str, Any]:
    return {
        "path": escape_path(seen.path),
        "timestamp_ms": seen.timestamp_ms,
        "gate": seen.gate.name.lower(),
        "ood": _number(seen.ood),
        "is_stranger": seen.is_stranger,
        "best": vote.best.name if vote.best else None,
        "confidence": vote.best.confidence if vote.best else None,
        "weight": vote.weight,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
