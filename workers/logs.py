"""Logs: a JSON object a line on standard error, each with what it is about."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from pythonjsonlogger.json import JsonFormatter

_about: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039 - never changed


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Put these fields on every line that is logged inside, on this thread."""
    token = _about.set(_about.get() | fields)
    try:
        yield
    finally:
        _about.reset(token)


def set_up_logs(level: str, **fields: str) -> None:
    """Log JSON lines from *level* on, these fields on each; libraries only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    handler.addFilter(partial(_add_fields, fields))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("workers", "pipeline"):
        logging.getLogger(name).setLevel(level)


def _add_fields(always: dict[str, str], record: logging.LogRecord) -> bool:
    for name, value in (always | _about.get()).items():
        setattr(record, name, value)
    return True
