"""Copies: pictures that are the same but for a new size or another encoding."""

import io
from pathlib import Path

import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipeline.judging.copies import find_copies
from pipeline.judging.gate import signature_difference
from pipeline.media.stills import read_still
from tests.pipeline.judging.vote_parts import OBJECTS
from tests.pipeline.media.media_parts import LIMITS
from tests.pipeline.media.test_stills import WHOLE


def signatures(*tones: tuple[int, int]) -> NDArray[np.uint8]:
    """Return signatures of two cells each."""
    return np.array(tones, np.uint8).reshape(-1, 1, 2, 1).repeat(3, axis=3)


@pytest.mark.parametrize(
    ("tones", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(5, 5)], [0], id="one"),
        pytest.param([(5, 5), (14, 5)], [0, 0], id="just-below"),
        pytest.param([(5, 5), (15, 5)], [0, 1], id="just-as-far"),
        pytest.param([(0, 20), (20, 0)], [0, 1], id="equal-means-are-not-enough"),
        pytest.param([(0, 0), (9, 9), (18, 18)], [0, 0, 0], id="a-copy-of-a-copy-is-a-copy"),
        pytest.param([(200, 0), (0, 0), (201, 0)], [0, 1, 0], id="numbered-as-they-appear"),
        pytest.param([(250, 250), (3, 3)], [0, 1], id="bytes-do-not-wrap"),
    ],
)
def test_sets_of_copies(tones: list[tuple[int, int]], expected: list[int]) -> None:
    assert find_copies(signatures(*tones), copy_below=10).tolist() == expected


def test_below_0_levels_nothing_is_a_copy() -> None:
    assert find_copies(signatures((5, 5), (5, 5)), copy_below=0).tolist() == [0, 1]


@pytest.mark.parametrize("cell", [0, 1, 53, 54, 55, 6_911])
def test_a_single_cell_of_a_whole_signature_tells_two_pictures_apart(cell: int) -> None:
    rows = np.full((2, 36, 64, 3), 100, np.uint8)
    rows[1].reshape(-1)[cell] = 140

    assert find_copies(rows, copy_below=40).tolist() == [0, 1]
    assert find_copies(rows, copy_below=41).tolist() == [0, 0]


def slow_sets(rows: NDArray[np.uint8], below: int) -> set[frozenset[int]]:
    """Return the sets by walking from each picture to all that it is a copy of."""
    sets = set()
    for start in range(len(rows)):
        found, waiting = {start}, [start]
        while waiting:
            one = waiting.pop()
            for other in range(len(rows)):
                if other not in found and signature_difference(rows[one], rows[other]) < below:
                    found.add(other)
                    waiting.append(other)
        sets.add(frozenset(found))
    return sets


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12), st.integers(1, 30))
def test_sets_are_what_a_walk_finds(tones: list[tuple[int, int]], below: int) -> None:
    rows = signatures(*tones)

    found = find_copies(rows, copy_below=below)

    sets = {frozenset(np.flatnonzero(found == number).tolist()) for number in set(found.tolist())}
    assert sets == slow_sets(rows, below)


def test_a_picture_shrunk_and_encoded_anew_is_a_copy_and_another_is_not(tmp_path: Path) -> None:
    photos = Path(skimage.__file__).parent / "data"

    def signature(name: str, size: float, quality: int) -> NDArray[np.uint8]:
        picture = Image.open(photos / name).convert("RGB")
        picture = picture.resize((round(picture.width * size), round(picture.height * size)))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        (tmp_path / "x.jpg").write_bytes(out.getvalue())
        return read_still(tmp_path / "x.jpg", geometry=WHOLE, limits=LIMITS).quality.signature

    rows = np.stack(
        [
            signature("chelsea.png", 1, 95),
            signature("chelsea.png", 0.6, 50),
            signature("motorcycle_left.png", 1, 95),
            signature("motorcycle_right.png", 1, 95),  # the same from a step aside
        ]
    )

    assert find_copies(rows, copy_below=OBJECTS.pooling.copy_below).tolist() == [0, 0, 1, 2]
