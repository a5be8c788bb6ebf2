"""A form as it streams in: small fields are kept, the file's bytes are handed on at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import HTTPException
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pipeline.outputs.names import escape_surrogates

FILE = "file"
FIELDS = ("tag", "policy")
MAX_FIELD_BYTES = 4096
UNNAMED = "unnamed"  # a file without a name


@dataclass(slots=True)
class _Part:
    """The part of the form that is streaming in."""

    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    name: str = ""


class UploadForm:
    """A form of one file, and of the fields `tag` and `policy`, each at most once."""

    def __init__(self, content_type: str, take: Callable[[bytes], None]) -> None:
        """Begin a form.

        Args:
            content_type: the request's header.
            take: is given the file's bytes, piece by piece.

        Raises:
            HTTPException: 400 if the header names no boundary.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not boundary:
            raise _malformed("the form names no boundary")
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._take = take
        self._part = _Part()
        self._is_whole = False
        with _translated():
            self._parser = self._make_parser(boundary)

    def feed(self, piece: bytes) -> None:
        """Read on.

        Raises:
            HTTPException: 400 if this is no form, 422 if it is one with other parts than wanted.
        """
        with _translated():
            self._parser.write(piece)

    def end(self) -> None:
        """Say that there is nothing more to read.

        Raises:
            HTTPException: 400 if the form was cut off, 422 if there was no file in it.
        """
        if not self._is_whole:
            raise _malformed("the form is cut off")
        if self.filename is None:
            raise _refused("the form has no file")

    def _make_parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_header,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_part,
                "on_part_data": self._add_data,
                "on_part_end": self._end_part,
                "on_end": self._end_form,
            },
        )

    def _begin_part(self) -> None:
        self._part = _Part()

    def _add_header(self, piece: bytes, start: int, end: int) -> None:
        self._part.header += piece[start:end]

    def _add_value(self, piece: bytes, start: int, end: int) -> None:
        self._part.value += piece[start:end]

    def _end_header(self) -> None:
        if self._part.header.lower() == b"content-disposition":
            self._part.disposition = bytes(self._part.value)
        self._part.header.clear()
        self._part.value.clear()

    def _open_part(self) -> None:
        options = parse_options_header(self._part.disposition)[1]
        name = _to_text(options.get(b"name", b""))
        if name == FILE:
            if self.filename is not None:
                raise _refused("the form has more than one file")
            self.filename = _to_text(options.get(b"filename", b"")) or UNNAMED
        elif name not in FIELDS or name in self.fields:
            raise _refused(f"the form has one `{FILE}`, and at most one `tag` and one `policy`")
        self._part.name = name

    def _add_data(self, piece: bytes, start: int, end: int) -> None:
        if self._part.name == FILE:
            self._take(piece[start:end])
            return
        self._part.value += piece[start:end]
        if len(self._part.value) > MAX_FIELD_BYTES:
            raise _refused(f"{self._part.name}: has more than {MAX_FIELD_BYTES} bytes")

    def _end_part(self) -> None:
        if self._part.name != FILE:
            self.fields[self._part.name] = _to_text(bytes(self._part.value))

    def _end_form(self) -> None:
        self._is_whole = True


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the parser says into our answer."""
    try:
        yield
    except FormParserError as error:
        raise _malformed("the body is no multipart form") from error


def _to_text(raw: bytes) -> str:
    r"""Return bytes as text; one that is not UTF-8 becomes `\xNN`, as in reports."""
    return escape_surrogates(raw.decode("utf-8", "surrogateescape"))


def _malformed(detail: str) -> HTTPException:
    return HTTPException(HTTPStatus.BAD_REQUEST, detail)


def _refused(detail: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
