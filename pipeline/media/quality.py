"""What is measured of a picture without a model: by it the gate knows a bad one."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.records import Quality

WORKING_PX = 256  # the longer side of the picture that all this is measured on
MARGIN_LEVELS = 6.0  # of 255: a row or column that varies by less is plain
BLOCK_PX = 4  # fits between the letters on a card
PLAIN_LEVELS = 1.2  # of 255, standard deviation of a block of one plain colour
COLOUR_LEVELS = 4  # blocks whose mean colours lie within so many levels are of one colour
RIM_SHARE = 0.12  # of the shorter side
MIDDLE_SHARE = 0.5  # of each side
BINS = 16  # of a histogram, a channel


def measure(
    whole: NDArray[np.uint8], shown_px: tuple[int, int], signature: NDArray[np.uint8]
) -> Quality:
    """Measure a picture, (H, W, 3) uint8 RGB, of which shown_px is the true shape."""
    small = cv2.resize(whole, bounded(shown_px, WORKING_PX), interpolation=cv2.INTER_AREA)
    colours = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb), dtype=np.uint8)
    luma = np.ascontiguousarray(colours[..., 0])
    rows, columns = _between_margins(luma)
    return Quality(
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
        sharpness=float(cv2.Laplacian(luma, cv2.CV_32F).var()),
        content_width=(columns.stop - columns.start) / luma.shape[1],
        content_height=(rows.stop - rows.start) / luma.shape[0],
        plain=_plain_share(colours[rows, columns]),
        rim_likeness=_rim_likeness(colours),
        signature=signature,
    )


def bounded(shown_px: tuple[int, int], side_px: int) -> tuple[int, int]:
    """Return the size of the largest picture of this shape whose longer side is side_px."""
    scale = side_px / max(shown_px)
    width_px, height_px = (max(1, round(side * scale)) for side in shown_px)
    return width_px, height_px


def _between_margins(luma: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the rows and columns that are left when plain ones are trimmed off all four sides."""
    exact = luma.astype(np.float32)
    rows, columns = slice(0, luma.shape[0]), slice(0, luma.shape[1])
    for _ in range(2):  # what stands in a corner shows only when the other margins are gone
        rows = _trimmed(exact[rows, columns], rows)
        columns = _trimmed(exact[rows, columns].T, columns)
    return rows, columns


def _trimmed(lines: NDArray[np.float32], span: slice) -> slice:
    """Return the part of *span*, a row of *lines* each, that is left between plain ones."""
    if lines.size == 0:
        return slice(span.start, span.start)
    means = lines.mean(axis=1)
    variances = (lines * lines).mean(axis=1) - means * means
    before = _plain_lines(means, variances)
    after = _plain_lines(means[::-1], variances[::-1])
    return slice(span.start + before, max(span.start + before, span.stop - after))


def _plain_lines(means: NDArray[np.float32], variances: NDArray[np.float32]) -> int:
    """Return how many lines from the first on are plain, and of the first one's tone."""
    is_like_first = np.abs(means - means[0]) < MARGIN_LEVELS
    is_plain = (variances < MARGIN_LEVELS**2) & is_like_first
    return len(is_plain) if is_plain.all() else int(np.argmin(is_plain))


def _plain_share(colours: NDArray[np.uint8]) -> float:
    """Return how much of a picture is of one plain colour: its largest, 0 to 1.

    What was drawn by a machine is, a wall hardly: light falls on it.
    """
    down, across = colours.shape[0] // BLOCK_PX, colours.shape[1] // BLOCK_PX
    if 0 in (down, across):
        return 0.0
    whole = colours[: down * BLOCK_PX, : across * BLOCK_PX].astype(np.float32)
    means = cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA)
    luma = np.ascontiguousarray(whole[..., 0])
    squares = cv2.resize(luma * luma, (across, down), interpolation=cv2.INTER_AREA)
    variances = squares - means[..., 0] ** 2
    plain = np.asarray(means[variances < PLAIN_LEVELS**2], dtype=np.float32)
    most = max(_most_alike(plain, shift) for shift in (0, COLOUR_LEVELS / 2))
    return float(most / (down * across))


def _most_alike(colours: NDArray[np.float32], shift: float) -> int:
    """Return how many of these colours, (N, 3), fall into the fullest cell of a grid."""
    cells = ((colours + shift) // COLOUR_LEVELS).astype(np.int64) @ (1 << 16, 1 << 8, 1)
    return int(np.unique(cells, return_counts=True)[1].max(initial=0))


def _rim_likeness(colours: NDArray[np.uint8]) -> float:
    """Return how alike the colours of rim and middle are: Bhattacharyya's coefficient, 0 to 1.

    What lies around an object differs from it; whoever is too close sees nothing around it.
    """
    height, width = colours.shape[:2]
    rim_px = max(1, round(RIM_SHARE * min(height, width)))
    whole, inner = _histogram(colours), _histogram(colours[rim_px:-rim_px, rim_px:-rim_px])
    top, left = (round(side * (1 - MIDDLE_SHARE) / 2) for side in (height, width))
    middle = _histogram(colours[top : height - top, left : width - left])
    rim = whole - inner
    in_all = np.sqrt(rim.sum() * middle.sum())
    return min(1.0, float(np.sqrt(rim * middle).sum() / in_all)) if in_all else 0.0


def _histogram(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how many pixels fall into each of the bins; none of no picture."""
    if colours.size == 0:
        return np.zeros((BINS,) * 3, np.float32)
    return np.asarray(cv2.calcHist([colours], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3))
