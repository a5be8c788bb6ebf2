"""The gate: whether the scores of a picture can be trusted at all.

A bad frame never votes: it is marked, and what it covers is `unjudged`. The gate asks in the order
of how little is known: a damaged picture may show anything; a black or flat one shows nothing; one
that the model has just scored needs no score of its own; only what is left is asked for what it
shows. FROZEN stands before those because it takes the scores of a good frame, however it looks by
itself; BLUR stands behind plain margins, which leave little to be sharp.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Gate, GateThresholds, Quality

BARS_SPAN = 0.8  # of a side: what reaches across so much of it has margins at two sides, not four


def gate_frame(
    quality: Quality,
    *,
    is_corrupt: bool,
    last_scored: NDArray[np.uint8] | None,
    thresholds: GateThresholds,
) -> Gate:
    """Return what the gate says of one frame.

    Args:
        quality: what was measured of it.
        is_corrupt: whether the decoder flagged it as damaged.
        last_scored: shape (H, W, 3), signature of the nearest earlier frame that the model scored
            and whose gate was OK; None where there is none. A bad frame's signature never stands
            here, nor a frozen one's: else a slow fade would be frozen from end to end.
        thresholds: where the lines are drawn; a value equal to one is on the good side.
    """
    if is_corrupt:
        return Gate.CORRUPT
    is_dim = quality.brightness < thresholds.black_below
    if is_dim and quality.contrast < 2 * thresholds.black_below:
        return Gate.BLACK
    if quality.contrast < thresholds.flat_below:
        return Gate.FLAT
    if last_scored is not None and _is_same(quality.signature, last_scored, thresholds):
        return Gate.FROZEN
    return _gate_content(quality, thresholds)


def signature_difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """Return the largest absolute difference of any cell, in levels of 255.

    The largest and not the mean: a small picture in the corner of a still one must show.

    >>> dark, light = np.full((2, 2, 3), 250, np.uint8), np.full((2, 2, 3), 3, np.uint8)
    >>> signature_difference(dark, light)
    247
    """
    # Higher minus lower stays within uint8, where a plain difference would wrap around.
    return int(np.max(np.maximum(one, other) - np.minimum(one, other)))


def _gate_content(quality: Quality, thresholds: GateThresholds) -> Gate:
    share = quality.content_width * quality.content_height
    has_bars = max(quality.content_width, quality.content_height) > BARS_SPAN
    if has_bars and share < thresholds.letterbox_below:
        return Gate.LETTERBOX
    if not has_bars and share < thresholds.small_below:
        return Gate.TOO_SMALL
    if quality.sharpness < thresholds.blur_below:
        return Gate.BLUR
    if quality.plain > thresholds.overlay_above:
        return Gate.OVERLAY
    if quality.rim_likeness > thresholds.close_above:
        return Gate.TOO_CLOSE
    return Gate.OK


def _is_same(
    signature: NDArray[np.uint8], last_scored: NDArray[np.uint8], thresholds: GateThresholds
) -> bool:
    if signature.shape != last_scored.shape:  # the picture's shape changed in mid-stream
        return False
    return signature_difference(signature, last_scored) < thresholds.frozen_below
