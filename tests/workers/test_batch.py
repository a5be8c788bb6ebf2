"""A batch whose decoder dies of one video: that one cannot be judged, the others are."""

import sys
from pathlib import Path

from pipeline.drawing.style import HeatmapStyle
from pipeline.media.encode import Encoding, write_video
from pipeline.media.remote import DecoderProcess
from pipeline.records import Outcome, ReasonKind
from tests.films import Incident, even_ms, film
from tests.scanning import colour_policy, colour_scorer
from workers.batch import DECODER_LIVES, Setup, scan_all

POISON = 4_444  # bytes that follow on the video: what this decoder dies of
# A decoder that is ours, but for one fault.
FRAIL = """
import os, signal, sys
from pipeline.media import decoder

class Inbox(decoder.Inbox):
    def next(self):
        number, request, descriptor = super().next()
        if os.fstat(descriptor).st_size == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGSEGV)
        return number, request, descriptor

decoder.Inbox = Inbox
decoder.serve(decoder.take_line())
"""


def test_a_video_that_kills_its_decoder_holds_no_other_up(tmp_path: Path) -> None:
    videos = [tmp_path / f"{name}.mp4" for name in "abc"]
    for video in videos:
        encoding = Encoding(codec="mpeg4", rate_hz=10)
        write_video(video, film(even_ms(1_000, 10), Incident(0, 1_000), size=(160, 90)), encoding)
    with videos[1].open("ab") as poisoned:
        poisoned.write(bytes(POISON))
    size = str(videos[1].stat().st_size)
    setup = Setup(
        colour_policy(), colour_scorer(tmp_path), HeatmapStyle(), "", is_forced=True, detector=None
    )
    command = (sys.executable, "-c", FRAIL, size)
    with DecoderProcess(silence_s=60.0, command=command) as decoder:
        judged = list(
            scan_all(videos, tmp_path / "out", setup, decoder, on_progress=lambda _i, _share: None)
        )

    assert [one.outcome for one in judged] == [Outcome.REVIEW, Outcome.ERROR, Outcome.REVIEW]
    (reason,) = judged[1].entry.report.judgement.verdict.reasons
    assert reason.kind is ReasonKind.ABANDONED
    assert f"given up after {DECODER_LIVES} attempts" in reason.detail
    assert "the decoder was killed by SIGSEGV, at b.mp4" in reason.detail
    assert (judged[1].entry.folder / "heatmap.png").is_file()
