"""One video on the wall: what is known of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array, seal
from pipeline.drawing.header import name_submission
from pipeline.records import Outcome, Report
from pipeline.wording.reports import headline, headline_confidence


@dataclass(frozen=True, slots=True, eq=False)
class WallTile:
    """One video on the wall.

    Attributes:
        name: what people know it by; may be anything.
        outcome: the verdict's word.
        severity: 0 (nothing) to 4.
        confidence: behind the verdict, 0 to 1; NaN where no frame was scored.
        strongest_unconfirmed: the highest peak over its threshold that no second frame bears out,
            0 where none is.
        peaks: shape (B,), float32, action values in [0, 1] from the video's start to its end
            (the sidecar's ANY row, or any number of columns); NaN = not sampled.
        duration_ms: length of the video, 0 where it is not known.
        reason: the headline in a few words; may be empty.
    """

    name: str
    outcome: Outcome
    severity: int
    confidence: float
    strongest_unconfirmed: float
    peaks: NDArray[np.float32]
    duration_ms: int
    reason: str

    def __post_init__(self) -> None:
        require_array("peaks", self.peaks, np.float32, (None,))
        if len(self.peaks) == 0:
            raise ValueError(f"peaks must have at least one column, got none for {self.name!r}")
        seal(self)


def make_wall_tile(report: Report, *, peaks: NDArray[np.float32]) -> WallTile:
    """Make a video's tile of its report.

    Args:
        report: the verdict and what led to it.
        peaks: shape (B,), float32, the ANY row as action values; NaN = not sampled.
    """
    judgement = report.judgement
    unconfirmed = [s.max_score for s in judgement.segments if not s.is_confirmed]
    return WallTile(
        name=name_submission(report),
        outcome=judgement.verdict.outcome,
        severity=judgement.verdict.severity,
        confidence=headline_confidence(judgement),
        strongest_unconfirmed=max(unconfirmed, default=0.0),
        peaks=peaks,
        duration_ms=report.video.duration_ms if report.video else 0,
        reason=headline(judgement),
    )
