"""A picture as it would look from nearer, in a mirror: it shows the same thing."""

import cv2
import numpy as np
from numpy.typing import NDArray

KEPT_SHARE = 0.8  # of width and height: a fifth nearer


def mirror_nearer(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the middle of a mirrored picture, (H, W, 3), enlarged to the whole's size."""
    height_px, width_px = pixels.shape[:2]
    kept = round(height_px * KEPT_SHARE), round(width_px * KEPT_SHARE)
    top, left = (height_px - kept[0]) // 2, (width_px - kept[1]) // 2
    middle = pixels[top : top + kept[0], left : left + kept[1]][:, ::-1]
    size = width_px, height_px
    enlarged = cv2.resize(np.ascontiguousarray(middle), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, dtype=np.uint8)
