"""Text from outside made into one line that can be shown: names, tags and details are hostile."""

import unicodedata

MAX_CHARACTERS = 500  # more than any line holds: what is cut here is never seen
NO_GLYPH = "▯"


def strip_controls(text: str) -> str:
    r"""Return one line of text without control, direction and piled-up characters.

    >>> strip_controls("a\n\u202eb\x00 c")
    'a b c'
    """
    kept = []
    for character in unicodedata.normalize("NFC", text[:MAX_CHARACTERS]):
        kind = unicodedata.category(character)
        if kind == "Cs":  # half a pair, or a byte of a name that is not UTF-8
            kept.append(NO_GLYPH)
        elif kind[0] == "Z" or character in "\t\n\r\v\f":
            kept.append(" ")
        elif kind[0] != "C" and kind not in ("Mn", "Me"):
            kept.append(character)
    return " ".join("".join(kept).split())
