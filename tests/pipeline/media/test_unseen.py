"""What could be shown without being looked at, each once found by the hostile suite."""

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LimitExceededError
from pipeline.media.container import open_container
from pipeline.media.decode import CpuBudget, Damage, Effort, decode_runs
from pipeline.media.encode import Encoding, write_streams, write_video
from pipeline.media.looks import Looker
from pipeline.media.packets import count_late_streams, index_packets
from pipeline.media.plan import Run
from pipeline.media.video import MAX_STREAMS, probe
from pipeline.records import Fit, Geometry
from tests.films import even_ms, film
from tests.hostile.forge import INSERT, clip
from tests.hostile.hidden import write_padded, write_unneeded
from tests.hostile.streams import write_late_stream
from tests.pipeline.media.media_parts import LIMITS, budget, index_file
from tests.scanning import colour_policy

SIZE = Geometry(96, 96, 96, Fit.STRETCH)
LONG_BYTES = 1 << 36
SHOWN = 0x10  # of the first byte of a frame of VP8


def looker_at(path: Path, stream: int = 0) -> Looker:
    video = probe(path, limits=LIMITS, budget=budget())
    return Looker(video, video.streams[stream], SIZE, colour_policy(), budget(), Damage())


def test_a_stream_that_begins_late_is_a_fault(tmp_path: Path) -> None:
    """FFmpeg looks for streams in the first 5 MB; in MPEG-TS they may begin anywhere."""
    write_late_stream(tmp_path / "a.ts")

    video = probe(tmp_path / "a.ts", limits=LIMITS, budget=budget())

    details = [fault.detail for fault in video.faults]
    assert "1 streams begin late in the file, and were not looked at" in details


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_streams_that_begin_where_they_should_are_not_late(name: str, tmp_path: Path) -> None:
    pictures = list(film(even_ms(1_000, 10), size=(64, 48)))
    write_streams(tmp_path / name, [(pictures, Encoding(rate_hz=10))] * 3)

    with open_container(tmp_path / name, LIMITS) as container:
        assert count_late_streams(container) == 0
        assert len(index_packets(container, LIMITS)) == 3
        assert count_late_streams(container) == 0


def test_an_insert_in_frames_that_no_other_refers_to_is_seen(tmp_path: Path) -> None:
    """They are shown for 700 ms between two others, and a decoder may leave them out."""
    write_unneeded(tmp_path / "a.mp4", 14)
    looker = looker_at(tmp_path / "a.mp4")

    frames = list(looker.first_look(looker.plan()))

    assert any(800 <= frame.timestamp_ms < 1_450 for frame in frames)
    assert looker.damage.packets == 0


def test_packets_that_a_decoder_passes_over_are_counted_as_lost(tmp_path: Path) -> None:
    write_unneeded(tmp_path / "a.mp4", 14)
    index, damage = index_file(tmp_path / "a.mp4"), Damage()

    with open_container(tmp_path / "a.mp4", LIMITS) as container:
        shown = {
            picture.pts
            for picture in decode_runs(
                container,
                index,
                [Run(0, len(index.pts))],
                effort=Effort.REFERENCE_FRAMES,
                limits=LIMITS,
                budget=budget(),
                damage=damage,
            )
        }

    missing = len(set(index.pts.tolist()) - shown)
    assert missing - 5 <= damage.packets <= missing  # but for a row too short to hide anything
    assert missing > 60


def test_frames_left_out_between_two_that_are_close_are_no_loss(tmp_path: Path) -> None:
    """A row of three at 20 frames a second leaves out 150 ms: that is what saving work is."""
    write_unneeded(tmp_path / "a.mp4", 3)
    looker = looker_at(tmp_path / "a.mp4")

    assert list(looker.first_look(looker.plan()))
    assert looker.damage.packets == 0


def test_the_last_frames_of_a_run_are_missed_too(tmp_path: Path) -> None:
    """A frame of VP8 says whether it is shown; of one that is not, the decoder says nothing."""
    how = Encoding(codec="libvpx", rate_hz=20, keyframe_interval=100)
    write_video(tmp_path / "a.webm", film(even_ms(2_000, 20), size=(64, 48)), how)
    with open_container(tmp_path / "a.webm", LIMITS) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = (tmp_path / "a.webm").read_bytes()
    for packet in packets[30:]:
        content = content.replace(packet, bytes([packet[0] & ~SHOWN]) + packet[1:])
    (tmp_path / "a.webm").write_bytes(content)
    looker = looker_at(tmp_path / "a.webm")

    list(looker.first_look(looker.plan()))

    assert looker.damage.packets == 10


def test_behind_a_padded_keyframe_nothing_is_quiet(tmp_path: Path) -> None:
    write_padded(tmp_path / "a.mp4")
    looker = looker_at(tmp_path / "a.mp4")

    plan = looker.plan()

    assert plan.quiet == ()
    assert plan.runs == (Run(0, len(looker.index.pts)),)


def test_what_stands_still_is_quiet_but_not_in_a_stream_of_unknown_size(tmp_path: Path) -> None:
    still = film(even_ms(4_000, 10), size=(320, 180), is_still=True)
    pictures, how = list(still), Encoding(rate_hz=10, options={"preset": "veryfast"})
    write_streams(tmp_path / "a.mkv", [(pictures, how), (pictures[:30], how)])

    assert looker_at(tmp_path / "a.mkv", 0).plan().quiet
    assert looker_at(tmp_path / "a.mkv", 1).plan().quiet == ()


def test_reading_ends_when_the_budget_is_spent(tmp_path: Path) -> None:
    """64 GB of zeros behind a sound video, which FFmpeg would search for another packet."""
    clip(tmp_path / "a.mkv", INSERT)
    with (tmp_path / "a.mkv").open("ab") as file:
        file.truncate(LONG_BYTES)
    began_s = time.process_time()

    with pytest.raises(LimitExceededError, match=r"more than 0\.3 CPU seconds"):
        probe(tmp_path / "a.mkv", limits=LIMITS, budget=CpuBudget(0.3, time.process_time))

    assert time.process_time() - began_s < 3


def test_more_streams_than_can_be_looked_at_are_refused(tmp_path: Path) -> None:
    tiny = np.zeros((32, 32, 3), np.uint8)
    rows = [([tiny], Encoding(codec="mpeg4", rate_hz=Fraction(10)))] * (MAX_STREAMS + 1)
    write_streams(tmp_path / "a.mkv", rows)

    with pytest.raises(LimitExceededError, match=r"has 33 video streams, more than 32"):
        probe(tmp_path / "a.mkv", limits=LIMITS, budget=budget())
