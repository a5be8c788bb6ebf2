"""Any scanned chunk, and any probed video: what the tests of their files draw from."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.probed import PacketIndex, Video
from pipeline.records import ChunkScan, DamageKeys, FrameScores, Span, Thumbnails, Timings
from tests.pipeline.outputs.report_strategies import banks, reasons, stream_sets, videos

NO_TIMINGS = Timings(0.0, 0.0, 0.0)
int64s = st.integers(-(2**63), 2**63 - 1)
keys = st.frozensets(st.tuples(st.integers(0, 3), int64s), max_size=3)
lost_keys = st.frozensets(st.tuples(st.integers(-1, 3), st.none() | int64s), max_size=4)
damages = st.builds(DamageKeys, lost_keys, keys, keys)


@st.composite
def chunks(draw: st.DrawFn) -> ChunkScan:
    """Any chunk of a video of a second."""
    bank = draw(banks)
    streams = tuple(replace(one, bank=bank) for one in draw(stream_sets.filter(bool)))
    start_ms, end_ms = sorted(draw(st.sets(st.integers(0, 1_000), min_size=2, max_size=2)))
    return ChunkScan(
        Span(start_ms, end_ms),
        frames=streams,
        thumbnails=tuple(draw(thumbnails(frames)) for frames in streams),
        damage=draw(damages),
        timings=draw(st.builds(Timings, st.floats(0, 9), st.floats(0, 9), st.just(0.0))),
    )


@st.composite
def thumbnails(draw: st.DrawFn, frames: FrameScores) -> Thumbnails:
    """Any bytes as pictures of *frames*."""
    n = len(frames.timestamps_ms)
    jpegs = draw(st.lists(st.binary(max_size=9), min_size=n, max_size=n))
    return Thumbnails(frames.stream, frames.timestamps_ms, tuple(jpegs))


@st.composite
def indexes(draw: st.DrawFn, stream: int) -> PacketIndex:
    """Any index of a stream, its timestamps in whatever order."""
    n = draw(st.integers(1, 20))
    pts = draw(arrays(np.int64, n, elements=st.integers(-(2**40), 2**40)))
    is_key = draw(arrays(np.bool_, n))
    is_key[0] = True
    return PacketIndex(
        stream=stream,
        time_base=Fraction(draw(st.integers(1, 1001)), draw(st.integers(1, 90_000))),
        origin_pts=int(pts.min()),
        pts=pts,
        sizes_bytes=draw(arrays(np.int64, n, elements=st.integers(0, 2**40))),
        positions=draw(arrays(np.int64, n, elements=st.integers(-1, 2**60))),
        is_key=is_key,
        end_pts=int(pts.max()) + draw(st.integers(0, 9)),
        timeless=draw(st.integers(0, 9)),
        damaged=draw(st.integers(0, 9)),
    )


@st.composite
def probed_videos(draw: st.DrawFn) -> Video:
    """Any video that was probed."""
    found = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
    streams = tuple(draw(indexes(stream)) for stream in sorted(found))
    facts = {name: getattr(draw(videos), name) for name in draw(videos).__slots__}
    facts["duration_ms"] = max(index.end_ms for index in streams) + draw(st.integers(0, 9))
    faults = tuple(draw(st.lists(reasons, max_size=3)))
    return Video(Path("clips/a.mkv"), type(draw(videos))(**facts), streams, faults)
