"""Errors and HTTP statuses: one table, read forwards by the API and backwards by its client."""

from pipeline.errors import HeatreelError, PermanentError, UnavailableError
from workers.errors import ConflictError, ForbiddenSourceError, NotFoundError

PREFIX = "urn:heatreel:problem:"
STATUSES: dict[type[HeatreelError], tuple[int, str]] = {
    NotFoundError: (404, "not-found"),
    ConflictError: (409, "conflict"),
    ForbiddenSourceError: (403, "forbidden-source"),
    PermanentError: (422, "refused"),
    UnavailableError: (503, "unavailable"),
}
# What has no type of its own, but is worth another try: too slow, too often, and the server's own.
TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


def status_of(error: HeatreelError) -> tuple[int, str]:
    """Return the HTTP status of an error and the type of its problem, those of its nearest kin.

    >>> status_of(NotFoundError("no such submission"))
    (404, 'urn:heatreel:problem:not-found')
    """
    nearest = next(kin for kin in (*type(error).__mro__, PermanentError) if kin in STATUSES)
    status, name = STATUSES[nearest]
    return status, f"{PREFIX}{name}"


def error_of(status: int, problem_type: str, detail: str) -> HeatreelError:
    """Return the error that an answer stands for.

    >>> error_of(404, "urn:heatreel:problem:not-found", "no such submission")
    NotFoundError('no such submission')
    >>> error_of(404, "about:blank", "Not Found")
    NotFoundError('Not Found')
    >>> error_of(403, "about:blank", "the key's role does not allow this")
    PermanentError("the key's role does not allow this")
    >>> error_of(502, "about:blank", "")
    UnavailableError('HTTP 502')
    """
    for kind, (its_status, name) in STATUSES.items():
        if problem_type == f"{PREFIX}{name}" or (status == its_status and kind is NotFoundError):
            return kind(detail)
    kind = UnavailableError if status in TRY_AGAIN else PermanentError
    return kind(detail or f"HTTP {status}")
