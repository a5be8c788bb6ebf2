"""What is surely no video, by how it begins: refused at the door, so that nobody judges it."""

ENOUGH_BYTES = 512
TAR = slice(257, 262)  # where a tar archive says what it is, after the first name in it
TEXT = frozenset([*range(0x20, 0x7F), *b"\t\n\r\f"])
SIGNATURES = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),  # an empty one
    (b"PK\x07\x08", "a ZIP archive"),  # a part of one
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive"),
    (b"LZIP", "an lzip archive"),
    (b"\x1f\x9d", "a compressed file"),
    (b"MSCF", "a cabinet archive"),
    (b"!<arch>\n", "an ar archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\x00", "a database"),
)


def name_stranger(head: bytes) -> str | None:
    r"""Return what a file that begins like this is, None where it may be a video.

    >>> name_stranger(b"\x89PNG\r\n\x1a\n...")
    'a PNG picture'
    >>> name_stranger(b"#EXTM3U\nhttp://example.org/")
    'text'
    >>> name_stranger(b"\x00\x00\x00\x20ftypisom")

    Args:
        head: its first ENOUGH_BYTES, or all of it.
    """
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    if head[TAR] == b"ustar":
        return "a tar archive"
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE"):
        return "a WebP picture or a sound"
    return "text" if head and TEXT.issuperset(head) else None
