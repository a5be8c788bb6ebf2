"""What stands in paths and queries: ids and cursors, of a form that anything else cannot have."""

import re
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator

from workers.errors import NotFoundError
from workers.submitting import require_text

ID = re.compile(r"[0-9a-f]{32}")
EXAMPLE = "018bcfe568000123456789abcdef0123"
MAX_PAGE = 200
DEFAULT_PAGE = 50


def require_id(text: str) -> str:
    """Return an id.

    Raises:
        NotFoundError: if it is none that Heatreel makes; then nothing has it.
    """
    if not ID.fullmatch(text):
        raise NotFoundError("no id looks like this")
    return text


def _require_cursor(text: str | None) -> str | None:
    if text is not None and not ID.fullmatch(text):
        raise ValueError("is no `next` of a page")
    return text


def _require_tag(tag: str | None) -> str | None:
    return None if tag is None else require_text("tag", tag)


Id = Annotated[str, AfterValidator(require_id), Path(description="An id.", examples=[EXAMPLE])]
Before = Annotated[
    str | None,
    AfterValidator(_require_cursor),
    Query(description="The `next` of the page before; none for the first page."),
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Entries of a page at most.")]
Tag = Annotated[str | None, AfterValidator(_require_tag), Query(description="Only with this tag.")]
PolicyId = Annotated[
    str | None, Query(max_length=200, description="Only of this policy, the newest run of it.")
]
