"""What is decoded far into a file is the same by a seek as by counting."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.media.container import open_container
from pipeline.media.decode import Damage, Effort, decode_runs
from pipeline.media.looks import Looker, nearest_pts
from pipeline.media.plan import Run
from pipeline.media.seek import SEEK_FROM
from pipeline.media.video import probe
from pipeline.probed import PacketIndex
from pipeline.records import Fit, Geometry, Look, Span
from tests.damage import overwrite
from tests.pipeline.media.media_parts import LIMITS, budget, index_file
from tests.pipeline.media.seek_parts import FILES, N, change, last_key, long_file
from tests.scanning import colour_policy

GEOMETRY = Geometry(48, 48, 48, Fit.STRETCH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("long")


@pytest.mark.parametrize("name", FILES)
def test_pictures_and_damage_are_those_that_counting_finds(
    name: str, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(long_file(folder, name).read_bytes())
    overwrite(path, (0, SEEK_FROM + 205), (0, N - 3), keep=0.4)
    index = index_file(path)
    stop = len(index.pts)
    keys = [last_key(index, ordinal) for ordinal in (SEEK_FROM + 200, stop - 5)]
    runs = [Run(keys[0], keys[0] + 15), Run(keys[1], stop)]

    def decode(*, may_seek: bool) -> tuple[list[tuple[int, bytes]], Damage]:
        damage = Damage()
        with open_container(path, LIMITS) as container:
            pictures = decode_runs(
                container,
                index,
                runs,
                effort=Effort.EVERY_FRAME,
                limits=LIMITS,
                budget=budget(),
                damage=damage,
                reopen=(lambda: open_container(path, LIMITS)) if may_seek else None,
            )
            return [(p.timestamp_ms, p.frame.to_ndarray().tobytes()) for p in pictures], damage

    sought, damage = decode(may_seek=True)
    expected, expected_damage = decode(may_seek=False)

    assert len(sought) > 10
    assert sought == expected
    assert damage.keys == expected_damage.keys


def test_pictures_go_on_where_a_seek_is_taken_back(folder: Path) -> None:
    """The decoder is given packets of another reading of the file in mid-run."""
    path = long_file(folder, "a.mkv")
    index = index_file(path)
    key = last_key(index, N - 150)
    sizes = np.array(index.sizes_bytes)
    sizes[key + 12] += 1
    other = change(index, "sizes_bytes", sizes)

    def decode(of: PacketIndex) -> list[bytes]:
        with open_container(path, LIMITS) as container:
            pictures = decode_runs(
                container,
                of,
                [Run(key, key + 60)],
                effort=Effort.EVERY_FRAME,
                limits=LIMITS,
                budget=budget(),
                damage=Damage(),
                reopen=lambda: open_container(path, LIMITS),
            )
            return [picture.frame.to_ndarray().tobytes() for picture in pictures]

    assert len(decode(index)) == 60
    assert decode(other) == decode(index)


def test_looks_at_a_part_far_into_a_file_do_not_read_what_lies_before(
    folder: Path, tmp_path: Path
) -> None:
    """Whoever counted would find fewer packets: what lies before is gone since the probe."""
    path = tmp_path / "a.mkv"
    path.write_bytes(long_file(folder, "a.mkv").read_bytes())
    video = probe(path, limits=LIMITS, budget=budget())
    index = video.streams[0]
    looker = Looker(video, index, GEOMETRY, colour_policy(), budget(), Damage())
    key_ms = int(index.all_ms()[last_key(index, N - 150)])
    plan = looker.plan_within(Span(key_ms, key_ms + 2_000))
    wanted = nearest_pts(index, [key_ms + 100, key_ms + 500])

    def looks() -> list[tuple[int, bytes]]:
        frames = [*looker.first_look(plan), *looker.second_look(wanted, Look.CONFIRM)]
        return [(frame.timestamp_ms, frame.pixels.tobytes()) for frame in frames]

    before = looks()
    content = bytearray(path.read_bytes())
    start, end = int(index.positions[100]), int(index.positions[N // 2])
    content[start:end] = bytes(end - start)
    path.write_bytes(content)

    assert len(before) > 3
    assert looks() == before
    assert len(index_file(path).pts) < N
