"""Opening: only what is a video by itself, whatever it is called, and closed again in any case."""

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import av
import psutil
import pytest
from av.container import InputContainer

from pipeline.errors import UnreadableVideoError
from pipeline.media.container import open_container
from pipeline.media.encode import Encoding, write_video
from tests.films import even_ms, film
from tests.pipeline.media.media_parts import LIMITS

TIMES = even_ms(2_000, 20)
MPEG4 = Encoding(codec="mpeg4", rate_hz=25, keyframe_interval=10)
GIF = Encoding(codec="gif", rate_hz=25, pixel_format="rgb8")
# Playlists and their like: whoever believes them opens the file that they name.
NAMING = {
    "concat": "ffconcat version 1.0\nfile {video}\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{video}\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    "<Period><AdaptationSet><Representation><BaseURL>{video}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "metadata": ";FFMETADATA1\ntitle=a\n",
}


def write(path: Path, encoding: Encoding = MPEG4, *, container: str | None = None) -> Path:
    write_video(path, film(TIMES, size=(64, 48)), encoding, container=container)
    return path


def count_packets(path: Path) -> int:
    with open_container(path, LIMITS) as container:
        return sum(packet.size > 0 for packet in container.demux(container.streams.video))


@pytest.mark.parametrize(
    ("container", "encoding"),
    [
        pytest.param("mp4", MPEG4, id="mp4"),
        pytest.param("mov", MPEG4, id="mov"),
        pytest.param("matroska", MPEG4, id="matroska"),
        pytest.param("webm", Encoding(codec="libvpx-vp9"), id="webm"),
        pytest.param("avi", MPEG4, id="avi"),
        pytest.param("mpegts", MPEG4, id="mpegts"),
        pytest.param("mpeg", Encoding(codec="mpeg2video"), id="mpeg"),
        pytest.param("flv", Encoding(codec="flv"), id="flv"),
        pytest.param("asf", MPEG4, id="asf"),
        pytest.param("nut", MPEG4, id="nut"),
        pytest.param("mxf", Encoding(codec="mpeg2video"), id="mxf"),
        pytest.param("ogg", Encoding(codec="libvpx"), id="ogg"),
        pytest.param("ivf", Encoding(codec="libvpx-vp9"), id="ivf"),
        pytest.param("h264", Encoding(), id="h264"),
        pytest.param("obu", Encoding(codec="libsvtav1"), id="obu"),
        pytest.param("gif", GIF, id="gif"),
    ],
)
def test_a_format_that_carries_video_by_itself_is_read_whatever_its_name(
    container: str, encoding: Encoding, tmp_path: Path
) -> None:
    path = write(tmp_path / "concat:a|b.txt", encoding, container=container)

    assert count_packets(path) == len(TIMES)


@pytest.mark.parametrize("kind", NAMING)
def test_what_only_names_a_video_is_refused(kind: str, tmp_path: Path) -> None:
    video = write(tmp_path / "video.mkv")
    (tmp_path / "a.mp4").write_text(NAMING[kind].format(video=video))

    with pytest.raises(UnreadableVideoError, match="that Heatreel reads"):
        count_packets(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + bytes(99), id="sound"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(99), id="picture"),
        pytest.param(b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n" * 9, id="subtitles"),
    ],
)
def test_what_carries_no_video_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)

    with pytest.raises(UnreadableVideoError, match="that Heatreel reads"):
        count_packets(tmp_path / "a.mp4")


def test_an_edit_list_hides_no_frame(tmp_path: Path) -> None:
    """Whoever obeys it shows the second second only; what is in the file is what is judged."""
    whole = write(tmp_path / "a.mp4").read_bytes()
    box = whole.index(b"elst")
    edit = struct.pack(">IIiI", 1, 1_000, 25 * 512, 1 << 16)  # from 1 s on, in the track's units
    (tmp_path / "a.mp4").write_bytes(whole[: box + 8] + edit + whole[box + 8 + len(edit) :])

    with av.open(str(tmp_path / "a.mp4")) as obeying:
        assert len(list(obeying.decode(video=0))) < len(TIMES)
    assert count_packets(tmp_path / "a.mp4") == len(TIMES)


def test_a_title_that_is_no_text_is_no_reason_to_refuse(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        output.metadata["title"] = "TITLE"
        stream = output.add_stream("mpeg4", rate=25)
        output.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        output.mux(stream.encode(None))
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(content.replace(b"TITLE", b"\xff\xfe\xfd\xfc\xfb"))

    assert count_packets(tmp_path / "a.mkv") == 1


@pytest.mark.parametrize("position", [-(1 << 40), (1 << 63) - 1], ids=["before", "behind"])
def test_an_address_that_leads_out_of_the_file_ends_no_reading(
    position: int, tmp_path: Path
) -> None:
    """Matroska's first element says where the others are; this one lies."""
    whole = write(tmp_path / "a.mkv").read_bytes()
    seek_position = whole.index(b"\x53\xac")  # an unsigned number, in as few bytes as it needs
    size = whole[seek_position + 2] & 0x7F
    lie = position.to_bytes(8, "big", signed=True)[-size:]
    start = seek_position + 3
    (tmp_path / "a.mkv").write_bytes(whole[:start] + lie + whole[start + size :])

    assert count_packets(tmp_path / "a.mkv") == len(TIMES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    os.mkfifo(path)
    said: list[str] = []

    def open_it() -> None:
        with pytest.raises(UnreadableVideoError) as refused, open_container(path, LIMITS):
            pass
        said.append(str(refused.value))

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    thread.join(timeout=10)

    assert said == ["is not a regular file"]


def leave(container: InputContainer) -> None:
    """Read nothing and go."""


def give_up(container: InputContainer) -> None:
    raise KeyError(container.format.name)


def lose_the_disk(_container: InputContainer) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        pytest.param(leave, None, "", id="at-the-end"),
        pytest.param(give_up, KeyError, "matroska", id="after-any-error"),
        pytest.param(
            lose_the_disk,
            UnreadableVideoError,
            r"^cannot be read \(Input/output error\)$",
            id="after-one-of-the-disk-which-is-said",
        ),
    ],
)
def test_the_container_and_its_file_are_closed(
    use: Callable[[InputContainer], None],
    error: type[Exception] | None,
    message: str,
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.mkv")
    kept: list[InputContainer] = []

    def open_and_use() -> None:
        with open_container(path, LIMITS) as container:
            kept.append(container)
            use(container)

    if error is None:
        open_and_use()
    else:
        with pytest.raises(error, match=message):
            open_and_use()

    with pytest.raises(AssertionError, match="not open"):
        next(kept[0].demux())
    assert str(path) not in {file.path for file in psutil.Process().open_files()}
