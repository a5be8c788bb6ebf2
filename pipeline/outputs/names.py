r"""File names as text: any name can be written down, read back, printed, and made a folder of.

A file name is bytes: it need not be UTF-8, and may hold line breaks, terminal commands or signs
that turn the direction of writing. Nothing here trusts one.
"""

import re
import unicodedata
from pathlib import Path

MAX_NAME_BYTES = 100
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")
_UNDECODED = range(0xDC80, 0xDD00)  # how Python shows a byte that is not UTF-8 (PEP 383)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # by Windows


def escape_path(path: Path) -> str:
    r"""Return *path* as text that any encoding and any reader of JSON can bear.

    A byte that is not UTF-8 becomes ``\xNN``, a backslash of the name is doubled, so that
    unescape_path gives back the very same path.

    >>> print(escape_path(Path(b"caf\xe9.mp4".decode("utf-8", "surrogateescape"))))
    caf\xe9.mp4
    """
    return escape_surrogates(path.as_posix().replace("\\", r"\\"))


def unescape_path(text: str) -> Path:
    """Return the path that escape_path was given."""
    return Path(_ESCAPE.sub(_unescape, text))


def escape_surrogates(text: str) -> str:
    r"""Return *text* with what UTF-8 cannot hold as ``\xNN`` (a raw byte) or ``\uNNNN``."""
    return "".join(_escape(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def to_printable(text: str) -> str:
    r"""Return *text* on one line, without terminal commands or signs that hide or reorder it.

    >>> print(to_printable("a\nb\x1b[31m\u202egp4.exe"))
    a\nb\x1b[31m\u202egp4.exe
    """
    plain = escape_surrogates(text)
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain
    )


def to_folder_name(path: Path) -> str:
    """Return the name of the folder for a video's outputs: its stem, safe on any file system.

    Letters and digits of any script, dots, dashes and underscores stay; each run of anything
    else becomes one underscore. Two videos may get the same name.

    >>> [to_folder_name(Path(name)) for name in ("a/holiday 1.mp4", "..mp4", "con.mp4", "?.mp4")]
    ['holiday_1', 'video', 'con_', 'video']
    """
    stem = unicodedata.normalize("NFC", path.stem)
    kept = re.sub(r"[^\w.-]+", "_", stem)[:MAX_NAME_BYTES]
    short = kept.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(".-_ ")
    name = short or "video"
    return f"{name}_" if _RESERVED.fullmatch(name) else name


def _escape(surrogate: str) -> str:
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if code in _UNDECODED else f"\\u{code:04x}"


def _unescape(match: re.Match[str]) -> str:
    byte, code = match.groups()
    if byte:
        return chr(0xDC00 + int(byte, 16))
    return chr(int(code, 16)) if code else "\\"
