"""Files by https: from hosts that the operator named, at public addresses, bounded every way.

A name is resolved once and the connection made to one of the very addresses that were looked at,
so that no second answer of the resolver can lead it elsewhere. Nothing else is followed: no
redirect, no proxy of the environment, no cookie; what comes compressed is not unpacked.
"""

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import SplitResult, urlsplit

import h11
import httpx

from pipeline.errors import LimitExceededError, UnreadableVideoError
from pipeline.outputs.names import to_printable
from workers.errors import ForbiddenSourceError, HostUnavailableError

HTTPS = "https"
HTTPS_PORT = 443
SILENCE_S = 30.0  # without a single byte
PIECE_BYTES = 1 << 16
MAX_ADDRESSES = 4  # of one name, that are tried one after another
WHY_CHARS = 200
AGENT = "heatreel"
PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # what is assigned to hosts
# Within it: Teredo and 6to4, which wrap other addresses; documentation, unknown to older Pythons.
REFUSED_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/32", "2002::/16", "3fff::/20")))
RELAYS_V4 = ipaddress.IPv4Network("192.88.99.0/24")  # of 6to4
TRY_AGAIN = frozenset({408, 425, 429})  # beside all from 500 on


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, the best one first.

    Raises:
        OSError: if it has none, or nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Say whether an address is one of the public Internet's, of one host.

    Whatever wraps an IPv4 address in an IPv6 one (mapped, NAT64, 6to4, Teredo) is not.

    >>> [is_public(one) for one in ("93.184.216.34", "2606:4700::1111")]
    [True, True]
    >>> [is_public(one) for one in ("127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::808:808")]
    [False, False, False]
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast and parsed not in RELAYS_V4
    is_odd = any(parsed in network for network in REFUSED_V6)
    return parsed.is_global and parsed in PUBLIC_V6 and not is_odd


@dataclass(frozen=True, slots=True)
class Outside:
    """What a download has of the world; tests have one of their own.

    Attributes:
        resolve: returns the addresses of a host at a port, or raises OSError.
        is_allowed: says whether an address may be connected to.
        trust: returns whom TLS trusts.
    """

    resolve: Callable[[str, int], Sequence[str]] = resolve
    is_allowed: Callable[[str], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = httpx.create_ssl_context


OUTSIDE = Outside()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a file may be, and how long all of its download may take."""

    max_bytes: int
    timeout_s: float


def download(url: str, copy: IO[bytes], bounds: Bounds, outside: Outside) -> None:
    """Write the bytes that are at a URL to *copy*.

    Args:
        url: `https://host/path` in its plainest form, its host one that the operator named.
        copy: to be written to.
        bounds: of size and time. A resolver that hangs has a time limit of its own beside it.
        outside: what of the world is asked.

    Raises:
        ForbiddenSourceError: if the host has another than a public address, or the answer leads
            elsewhere.
        UnreadableVideoError: if there is no such file, or it comes otherwise than asked for.
        LimitExceededError: if it is too large.
        HostUnavailableError: if the host does not answer, not in time, or not to the end.
    """
    end_s = time.monotonic() + bounds.timeout_s
    parts = urlsplit(url)
    addresses = _find_addresses(parts, outside)
    try:
        with _connect(parts, addresses, outside.trust(), end_s) as connection:
            for piece in _Conversation(connection, end_s).ask(parts, bounds.max_bytes):
                copy.write(piece)
            copy.flush()
    except TimeoutError as error:
        why = f"gave no whole file within {bounds.timeout_s:g} s, or nothing for {SILENCE_S:g} s"
        raise HostUnavailableError(f"{parts.netloc}: {why}") from error
    except (h11.RemoteProtocolError, OSError) as error:
        why = to_printable(f"{type(error).__name__}: {error}"[:WHY_CHARS])
        raise HostUnavailableError(f"{parts.netloc}: {why}") from error


def require_size(size_bytes: int, max_bytes: int) -> None:
    """Check that a file is not too large.

    Raises:
        LimitExceededError: if it is.
    """
    if size_bytes > max_bytes:
        raise LimitExceededError(
            f"has {size_bytes} bytes or more, and the operator allows {max_bytes}"
        )


def _find_addresses(parts: SplitResult, outside: Outside) -> list[str]:
    """Return the addresses of a host, if all of them may be connected to."""
    host = str(parts.hostname)
    try:
        found = list(outside.resolve(host, parts.port or HTTPS_PORT))
    except (OSError, UnicodeError) as error:
        raise HostUnavailableError(f"{host}: is not found: {error}") from error
    if not found:
        raise HostUnavailableError(f"{host}: is not found")
    if not all(outside.is_allowed(address) for address in found):  # which one is nobody's affair
        raise ForbiddenSourceError(f"{host}: is not at a public address")
    return found[:MAX_ADDRESSES]


def _connect(
    parts: SplitResult, addresses: Sequence[str], trusted: ssl.SSLContext, end_s: float
) -> ssl.SSLSocket:
    """Return a connection to the first address where somebody is: the host, as it has proved."""
    trusted.set_alpn_protocols(["http/1.1"])
    for i, address in enumerate(addresses):
        try:
            place = (address, parts.port or HTTPS_PORT)
            raw = socket.create_connection(place, timeout=_left_s(end_s))
        except OSError:
            if i + 1 == len(addresses):
                raise
        else:
            break
    with contextlib.ExitStack() as stack:
        stack.enter_context(raw)
        raw.settimeout(_left_s(end_s))
        wrapped = trusted.wrap_socket(raw, server_hostname=parts.hostname)
        stack.pop_all()
    return wrapped


class _Conversation:
    """One question and its answer, over a connection that is closed afterwards."""

    def __init__(self, connection: ssl.SSLSocket, end_s: float) -> None:
        self._connection = connection
        self._end_s = end_s
        self._http = h11.Connection(h11.CLIENT)

    def ask(self, parts: SplitResult, max_bytes: int) -> Iterator[bytes]:
        """Ask for the file and yield its bytes, at most so many."""
        headers = {
            "Host": parts.netloc,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": AGENT,
            "Connection": "close",
        }
        asked = h11.Request(method="GET", target=parts.path, headers=list(headers.items()))
        self._connection.settimeout(_left_s(self._end_s))
        self._connection.sendall(self._http.send(asked) or b"")
        self._http.send(h11.EndOfMessage())
        got_bytes = 0
        while not isinstance(event := self._next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                _require_file(event, parts.netloc, max_bytes)
            elif isinstance(event, h11.Data):
                got_bytes += len(event.data)
                require_size(got_bytes, max_bytes)
                yield bytes(event.data)

    def _next_event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._connection.settimeout(_left_s(self._end_s))
            self._http.receive_data(self._connection.recv(PIECE_BYTES))
        return event


def _left_s(end_s: float) -> float:
    """Return how long the next thing may take.

    Raises:
        TimeoutError: if there is no time left.
    """
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return min(left_s, SILENCE_S)


def _require_file(response: h11.Response, host: str, max_bytes: int) -> None:
    """Check that an answer is a file, as it was asked for."""
    status, headers = response.status_code, dict(response.headers)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRY_AGAIN:
        raise HostUnavailableError(f"{host}: answered {status}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise ForbiddenSourceError(f"{host}: answered {status}, and redirects are not followed")
    if status != HTTPStatus.OK:
        raise UnreadableVideoError(f"{host}: answered {status}")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnreadableVideoError(f"{host}: sends it compressed, which was not asked for")
    if b"content-length" in headers:
        require_size(int(headers[b"content-length"]), max_bytes)
    elif b"transfer-encoding" not in headers:
        raise UnreadableVideoError(f"{host}: does not say where the file ends")
