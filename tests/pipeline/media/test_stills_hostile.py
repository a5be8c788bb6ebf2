"""Crafted picture files: refused in one line, within time and memory, and by FFmpeg alone."""

import ast
import io
import json
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.media.stills import read_still
from pipeline.records import Fit, Geometry, Limits
from tests.hostile.forge import clip
from tests.hostile.watch import Bait, Listener

ROOT = Path(__file__).parents[3]
WHOLE = Geometry(48, 48, 48, Fit.STRETCH)
LIMITS = Limits(max_pixels=36_000_000, max_duration_ms=1, max_frames=1, max_cpu_s=1.0)
SLOWEST_S = 10.0
# What of OpenCV decodes files: its own copies of libraries, in this process, without any limit.
DECODERS = {
    "imread", "imreadmulti", "imreadanimation", "imdecode", "imdecodemulti", "imdecodeanimation",
    "imcount", "haveImageReader", "ImageCollection", "VideoCapture", "CascadeClassifier",
    "FileStorage",
}  # fmt: skip
Refusal = type[UnreadableVideoError] | type[LimitExceededError]
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def picture(form: str, size: tuple[int, int] = (96, 64), **options: object) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, form, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def png(width: int, height: int, *chunks: bytes, rows: int | None = None) -> bytes:
    """A picture of one bit a pixel, all black; of fewer rows than it says, if so asked."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1 + -(-width // 8)) * (height if rows is None else rows), 9)
    return b"".join([
        PNG_HEAD, chunk(b"IHDR", head), *chunks, chunk(b"IDAT", data), chunk(b"IEND", b"")
    ])  # fmt: skip


def resized(content: bytes, marker: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame header (SOF0) says that it is larger than it is."""
    at = content.index(marker) + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def animated(form: str) -> bytes:
    frames = [Image.new("RGB", (64, 48), (i * 9, 0, 0)) for i in range(9)]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


CRAFTED: dict[str, tuple[Callable[[], bytes], Refusal]] = {
    "bomb-of-256-megapixels": (lambda: png(16_000, 16_000), UnreadableVideoError),
    "larger-than-allowed": (lambda: png(8_000, 6_000), LimitExceededError),
    "bomb-of-a-gigapixel-jpeg": (
        lambda: resized(picture("JPEG"), b"\xff\xc0", 65_000, 65_000),
        UnreadableVideoError,
    ),
    "bomb-of-a-line": (lambda: png(2**31 - 1, 1, rows=0), UnreadableVideoError),
    "bomb-of-a-column": (lambda: png(1, 2**31 - 1, rows=1), UnreadableVideoError),
    "bitmap-that-says-it-is-large": (
        lambda: picture("BMP")[:18] + struct.pack("<ii", 30_000, 30_000) + picture("BMP")[26:],
        UnreadableVideoError,
    ),
    "bitmap-of-negative-size": (
        lambda: picture("BMP")[:18] + struct.pack("<ii", -96, 64) + picture("BMP")[26:],
        UnreadableVideoError,
    ),
    "no-rows": (lambda: png(64, 64, rows=0), UnreadableVideoError),
    "cut-png": (lambda: picture("PNG")[:2_000], UnreadableVideoError),
    "cut-jpeg": (lambda: picture("JPEG")[:700], UnreadableVideoError),
    "cut-webp": (lambda: picture("WEBP")[:900], UnreadableVideoError),
    "head-alone": (lambda: PNG_HEAD, UnreadableVideoError),
    "animation-gif": (lambda: animated("GIF"), UnreadableVideoError),
    "svg": (
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        UnreadableVideoError,
    ),
    "page": (lambda: b"<!doctype html><img src='http://127.0.0.1/'>", UnreadableVideoError),
    "page-behind-a-head": (lambda: b"BM<html><script>1</script>" * 99, UnreadableVideoError),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n", UnreadableVideoError),
    "magick-script": (lambda: b"push graphic-context\nimage over 0,0 1,1", UnreadableVideoError),
    "playlist": (lambda: b"ffconcat version 1.0\nfile bait.png\n", UnreadableVideoError),
    "several-in-a-tiff": (lambda: animated("TIFF"), UnreadableVideoError),
}  # fmt: skip
# Files that are a picture and something else as well: what is judged is what a viewer shows.
SHOWN: dict[str, Callable[[], bytes]] = {
    "with-a-page-behind-it": lambda: picture("PNG") + b"<html><script>1</script></html>",
    "with-an-archive-behind-it": lambda: picture("JPEG") + b"PK\x03\x04" + bytes(99),
    "with-a-script-in-its-comment": lambda: picture("JPEG", comment=b"*/alert(1)/*"),
    "with-escapes-in-its-text": lambda: png(64, 64, chunk(b"tEXt", b"Title\0\x1b[2J%n%s../../x")),
    "with-a-bomb-of-text": lambda: png(
        64, 64, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000)))
    ),
    "of-one-pixel": lambda: png(1, 1),
    "of-one-line": lambda: png(30_000, 1),
    "of-many-text-chunks": lambda: png(64, 64, chunk(b"tEXt", b"a\0b") * 20_000),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_crafted_picture_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, error = CRAFTED[name]
    (tmp_path / "x.png").write_bytes(make())
    began_s = time.monotonic()

    with pytest.raises(error) as refused:
        read_still(tmp_path / "x.png", geometry=WHOLE, limits=LIMITS)

    assert str(refused.value).isprintable()
    assert time.monotonic() - began_s < SLOWEST_S


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_that_is_something_else_too_is_read_as_the_picture(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(SHOWN[name]())

    frame = read_still(tmp_path / "x.png", geometry=WHOLE, limits=LIMITS)

    assert frame.pixels.shape == (48, 48, 3)


def test_a_video_under_a_pictures_name_is_refused(tmp_path: Path) -> None:
    clip(tmp_path / "x.mp4")

    with pytest.raises(UnreadableVideoError):
        read_still(tmp_path / "x.mp4", geometry=WHOLE, limits=LIMITS)


def test_no_crafted_picture_opens_another_file_or_reaches_the_network(tmp_path: Path) -> None:
    (tmp_path / "bait.png").write_bytes(picture("PNG"))
    bait = Bait([tmp_path / "bait.png"])
    with Listener() as listener:
        address = f"http://127.0.0.1:{listener.port}/".encode()
        for make, error in CRAFTED.values():
            (tmp_path / "x.png").write_bytes(make().replace(b"http://127.0.0.1/", address))
            with pytest.raises(error):
                read_still(tmp_path / "x.png", geometry=WHOLE, limits=LIMITS)

        assert (bait.count(), listener.count()) == (0, 0)
    bait.close()


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """In a process of its own, whose peak is its own: 256 megapixels would take as many MB."""
    (tmp_path / "x.png").write_bytes(png(16_000, 16_000))
    program = (
        "import json, resource, sys\n"
        "from pathlib import Path\n"
        "from pipeline.errors import UnreadableVideoError\n"
        "from tests.pipeline.media.test_stills_hostile import LIMITS, WHOLE, read_still\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try: read_still(Path(sys.argv[1]), geometry=WHOLE, limits=LIMITS)\n"
        "except UnreadableVideoError: print(json.dumps(peak() - before))\n"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program, str(tmp_path / "x.png")],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip

    assert json.loads(done.stdout) < 100_000


@pytest.mark.parametrize("folder", ["pipeline", "workers"])
def test_what_strangers_hand_in_never_meets_opencvs_own_decoders(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in _names(path) & DECODERS
    }

    assert found == set()


def test_a_use_of_such_a_decoder_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import cv2 as c\nfrom cv2 import imdecode\nc.VideoCapture(0)\n")

    assert _names(tmp_path / "a.py") & DECODERS == {"imdecode", "VideoCapture"}


def _names(path: Path) -> set[str]:
    """Return the names that a module imports, or takes from something."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(attr=attribute):
                names.add(attribute)
            case ast.ImportFrom(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.Constant(value=str(text)) if text in DECODERS:
                names.add(text)  # as getattr would have it
    return names
