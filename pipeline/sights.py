"""Files as a model sees them: what a bank is fitted on, and what is compared with one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.covering import open_footage
from pipeline.judging.gate import gate_frame
from pipeline.learning.bank import Examples
from pipeline.media.here import Decoder
from pipeline.records import Examination, Frame, Gate, ModelOutputs, Policy
from pipeline.scoring.session import Scorer

GAP_MS = 1_000
MAX_FRAMES = 500  # of one video, about: a longer one is sampled less closely


def see_picture(path: Path, *, policy: Policy, scorer: Scorer, decoder: Decoder) -> ModelOutputs:
    """Return what the model makes of a picture file; of none, where the gate calls it bad.

    Raises:
        UnreadableVideoError: if it is no picture, or a part of it is missing.
        LimitExceededError: if it has too many pixels.
    """
    geometry = scorer.manifest.input.geometry
    return _see([decoder.read_still(path, geometry=geometry, limits=policy.limits)], policy, scorer)


def see_video(path: Path, *, policy: Policy, scorer: Scorer, decoder: Decoder) -> ModelOutputs:
    """Return what the model makes of the good frames of a video, about one a second.

    What looks like the frame before it is left out.

    Raises:
        UnreadableVideoError: if it is no video.
        LimitExceededError: if it is larger than the policy allows.
        DecoderDiedError: if a child that decodes dies of it.
    """
    footage = open_footage(path, limits=policy.limits, decoder=decoder)
    gap_ms = max(GAP_MS, footage.video.facts.duration_ms // MAX_FRAMES)
    policy = replace(policy, max_gap_ms=gap_ms, examination=Examination.PACKETS)
    geometry = scorer.manifest.input.geometry
    parts = []
    for index in footage.video.streams:
        frames = footage.cover(index, geometry=geometry, policy=policy)
        parts.append(_see(frames, policy, scorer))
    return _join(parts)


def thin_out(outputs: ModelOutputs, most: int) -> ModelOutputs:
    """Return at most so many of the frames, evenly chosen."""
    n = len(outputs.scores)
    rows = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))
    return ModelOutputs(outputs.scores[rows], outputs.features[rows], outputs.logits[rows])


def to_examples(seen: Sequence[ModelOutputs]) -> Examples:
    """Return what was seen of several files, each a source of its own, in their order."""
    counts = [len(one.scores) for one in seen]
    together = _join(seen)
    sources = np.repeat(np.arange(len(seen), dtype=np.int64), counts)
    return Examples(together.features, together.logits, sources)


def _see(frames: Iterable[Frame], policy: Policy, scorer: Scorer) -> ModelOutputs:
    good = _good_pixels(frames, policy)
    parts = []
    while batch := list(islice(good, scorer.batch_frames)):
        parts.append(scorer.score(np.stack(batch)))
    return _join(parts)


def _good_pixels(frames: Iterable[Frame], policy: Policy) -> Iterator[NDArray[np.uint8]]:
    last: NDArray[np.uint8] | None = None
    for frame in frames:
        gate = gate_frame(
            frame.quality,
            is_corrupt=frame.is_corrupt,
            last_scored=last,
            thresholds=policy.gate,
        )
        if gate is Gate.OK:
            last = frame.quality.signature
            yield frame.pixels


def _join(parts: Sequence[ModelOutputs]) -> ModelOutputs:
    nothing = np.empty((0, 0), dtype=np.float32)
    some = [part for part in parts if len(part.scores)]
    if not some:
        return ModelOutputs(nothing, nothing, nothing)
    return ModelOutputs(
        np.concatenate([part.scores for part in some]),
        np.concatenate([part.features for part in some]),
        np.concatenate([part.logits for part in some]),
    )
