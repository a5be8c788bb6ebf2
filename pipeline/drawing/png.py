"""PNG files in memory: equal pictures with equal facts give equal bytes."""

from collections.abc import Mapping
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

COMPRESS_LEVEL = 6


def encode_png(image: Image.Image, facts: Mapping[str, str]) -> bytes:
    """Return a PNG file with one tEXt chunk a fact, in order; keys and values are ASCII."""
    chunks = PngInfo()
    for key, value in facts.items():
        chunks.add_text(key, value)
    file = BytesIO()
    image.save(file, "PNG", compress_level=COMPRESS_LEVEL, pnginfo=chunks)
    return file.getvalue()
