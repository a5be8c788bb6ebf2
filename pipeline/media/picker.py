"""Which of the decoded pictures are sampled: one before the gap grows too long, one a change."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.media.decode import Picture
from pipeline.records import Change

DENSE_MS = 250  # pictures closer than this show a change as a jump, not as motion
CHANGED_SHARE = 0.04  # a new picture covers at least this share of the cells ...
CHANGED_LEVELS = 18.0  # ... and they differ by this many levels of 255 on average
JUMP_RATIO = 2.2  # and by this much more than pictures did just before
MEMORY = 8  # how many earlier differences that is ...
LONE_JUMPS = 2  # and the largest of these are passed over: a cut does not hide the next
REST_MS = 200  # changes closer than this to the last one are sampled together, after it
SHOT_SHARE = 0.5  # where this share of the cells has changed, it is another shot

Signature = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A picture that was chosen, and what was seen to change with it."""

    picture: Picture
    change: Change


class ChangeDetector:
    """Says of each picture in turn whether something new appears in it."""

    def __init__(self, signature: Callable[[Picture], Signature]) -> None:
        self._signature = signature
        self._before: tuple[Picture, Signature | None] | None = None
        self._usual: deque[float] = deque(maxlen=MEMORY)
        self._rests_until_ms = 0
        self._owes_jump = False  # one was seen while none was looked for

    def see(self, picture: Picture) -> Change:
        """Return how *picture* differs from the one before it, more than by motion."""
        before, self._before = self._before, (picture, None)
        if before is None or picture.timestamp_ms - before[0].timestamp_ms > DENSE_MS:
            self._usual.clear()
            return Change.NONE
        signature = self._signature(picture)
        self._before = (picture, signature)
        earlier = self._signature(before[0]) if before[1] is None else before[1]
        cells = cell_differences(earlier, signature)
        if not self._is_jump(loudest(cells), picture.timestamp_ms):
            return Change.NONE
        is_everywhere = np.mean(cells >= CHANGED_LEVELS) >= SHOT_SHARE
        return Change.SHOT if is_everywhere else Change.PART

    def _is_jump(self, levels: float, timestamp_ms: int) -> bool:
        has_memory = len(self._usual) > LONE_JUMPS
        usual = sorted(self._usual)[-1 - LONE_JUMPS] if has_memory else 0.0
        self._usual.append(levels)
        self._owes_jump |= levels >= max(CHANGED_LEVELS, JUMP_RATIO * usual)
        if not self._owes_jump or timestamp_ms < self._rests_until_ms:
            return False
        self._owes_jump = False
        self._rests_until_ms = timestamp_ms + REST_MS
        return True


class Picker:
    """Chooses samples from a stream of pictures, in order of time, one picture behind.

    A picture is sampled when it is the first, when it shows a change, when the caller knows that a
    shot begins with it, when waiting for the next one would leave a gap of more than max_gap_ms,
    or when it is the last.
    """

    def __init__(self, *, max_gap_ms: int, detector: ChangeDetector) -> None:
        self._max_gap_ms = max_gap_ms
        self._detector = detector
        self._held: Picture | None = None
        self._sampled_ms = -1

    def offer(self, picture: Picture, *, starts_shot: bool) -> Iterator[Choice]:
        """Take the next picture and yield those that are now known to be samples."""
        held, self._held = self._held, picture
        if held is not None and picture.timestamp_ms - self._sampled_ms > self._max_gap_ms:
            yield from self._choose_once(held)
        change = self._detector.see(picture)
        if starts_shot and held is not None:
            change = Change.SHOT
        if held is None or change is not Change.NONE:
            self._sampled_ms = picture.timestamp_ms
            yield Choice(picture, change)

    def finish(self) -> Iterator[Choice]:
        """Yield the last picture, unless it was sampled."""
        if self._held is not None:
            yield from self._choose_once(self._held)

    def _choose_once(self, picture: Picture) -> Iterator[Choice]:
        if picture.timestamp_ms > self._sampled_ms:
            self._sampled_ms = picture.timestamp_ms
            yield Choice(picture, Change.NONE)


def cell_differences(before: Signature, after: Signature) -> NDArray[np.uint8]:
    """Return how much each cell of two signatures, (H, W, 3), differs, in levels of 255.

    Shape (H * W,), uint8: of a cell's channels, the one that differs most.
    """
    luma, blue, red = cv2.split(cv2.absdiff(before, after))
    return cv2.max(cv2.max(luma, blue), red).astype(np.uint8, copy=False).ravel()


def loudest(cells: NDArray[np.uint8]) -> float:
    """Return the mean of the CHANGED_SHARE of cells that differ most, in levels of 255."""
    few = max(1, round(CHANGED_SHARE * cells.size))
    return float(np.partition(cells, -few)[-few:].mean())
