"""Words: text from outside taken apart, in one form whatever its case, width and encoding."""

import re
import unicodedata
from typing import TypeAlias

MAX_CHARACTERS = 500  # more than any title has; what stands behind is not read
_WORD = re.compile(r"\w+")

Words: TypeAlias = tuple[str, ...]


def to_words(text: str) -> Words:
    r"""Return the words of a text, which may be anything: cut, normalised, case-folded.

    Format characters, which hide inside words, are dropped; whatever else is neither letter nor
    digit stands between words. Nothing in the text is taken for a pattern.

    >>> to_words("\uff22icy\u200bcle-TIRES, 26\u2033!")
    ('bicycle', 'tires', '26')
    """
    plain = "".join(char for char in text[:MAX_CHARACTERS] if unicodedata.category(char) != "Cf")
    # What folding takes apart must be put together again, and one sign may become eighteen.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    return tuple(_WORD.findall(folded[: 2 * MAX_CHARACTERS]))
