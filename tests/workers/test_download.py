"""Downloads: by https alone, from where the operator said, and from nowhere else whoever asks."""

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import LimitExceededError, UnreadableVideoError
from tests.workers.tls_parts import (
    HERE,
    Authority,
    Deed,
    Host,
    answer,
    can_listen,
    dripping,
    listening,
    saying,
)
from workers.download import OUTSIDE, Outside, is_public
from workers.errors import ForbiddenSourceError, HostUnavailableError
from workers.sources import FetchTerms, fetched
from workers.store.artifacts import ArtifactStore

NAME = "videos.example.org"
VIDEO = bytes(range(256)) * 300
MAX_BYTES = 100_000
TIMEOUT_S = 10.0
FOREVER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def host(authority: Authority) -> Iterator[Host]:
    """The host that the operator named."""
    with listening(authority.server(NAME)) as host:
        host.deed = saying(answer(VIDEO))
        yield host


@pytest.fixture
def other() -> Iterator[Host]:
    """Somebody on this machine whom nobody may reach."""
    with listening() as other:
        yield other
        assert other.contacts == 0


@pytest.fixture
def read(authority: Authority, tmp_path: Path) -> Callable[..., bytes]:
    """Return a function that fetches a URL as a worker does, from a host that is here."""

    def read_it(
        port: int, path: str = "a.mp4", *, timeout_s: float = TIMEOUT_S, **changes: object
    ) -> bytes:
        world: dict[str, object] = {
            "resolve": lambda _host, _port: [HERE],
            "is_allowed": {HERE, "127.0.0.2"}.__contains__,
            "trust": authority.trusted,
        }
        place = f"https://{NAME}:{port}/"
        terms = FetchTerms(
            (place,),
            MAX_BYTES,
            timeout_s=timeout_s,
            outside=Outside(**(world | changes)),  # type: ignore[arg-type]
        )
        folder = tmp_path / "spare"
        folder.mkdir(exist_ok=True)
        store = ArtifactStore(f"file://{tmp_path / 'artifacts'}")
        try:
            with fetched(f"{place}{path}", artifacts=store, terms=terms, folder=folder) as copy:
                assert copy.readlink().parent == folder  # on its disk, without a name
                return copy.read_bytes()
        finally:
            assert list(folder.iterdir()) == []

    return read_it


Read = Callable[..., bytes]


def test_a_file_is_fetched_whole(host: Host, read: Read) -> None:
    assert read(host.port) == VIDEO
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(VIDEO), VIDEO)
    host.deed = saying(FOREVER, chunks[:100], chunks[100:])
    assert read(host.port) == VIDEO
    host.deed = saying(answer(b""))
    assert read(host.port) == b""


def test_what_is_asked_tells_nothing_but_the_place(host: Host, read: Read) -> None:
    read(host.port, "caf%C3%A9/100%25%23.mp4")
    lines = host.requests[0].decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])

    assert lines[0] == "GET /caf%C3%A9/100%25%23.mp4 HTTP/1.1"
    assert host.names == [NAME]
    assert headers == {
        "host": f"{NAME}:{host.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "heatreel",
        "connection": "close",
    }


def test_no_cookie_is_ever_sent_back(host: Host, read: Read) -> None:
    host.deed = saying(answer(VIDEO, "200 OK", "Set-Cookie: a=b; Domain=example.org"))
    read(host.port)
    read(host.port)

    assert b"cookie" not in host.requests[1].lower()


def test_nothing_of_the_environment_is_asked_the_way(
    host: Host, other: Host, read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://{HERE}:{other.port}")
    (tmp_path / "netrc").write_text(f"machine {NAME} login me password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert read(host.port) == VIDEO
    assert b"authorization" not in host.requests[0].lower()


class TestAddresses:
    """Nobody is connected to who is not out in the public."""

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1", "127.0.0.2", "127.255.255.254", "0.1.2.3", "10.0.0.1",
            "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "169.254.0.1",
            "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1",
            "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255",
            "240.0.0.1", "255.255.255.255",
            "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1",
            "2002:7f00:1::1", "2002:808:808::1", "2001:0:4136:e378::1", "2001:db8::1",
            "2001:10::1", "100::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%lo",
            "fec0::1", "ff02::1", "ff0e::1", "3fff::1", "3fff:fff:1::1", "4000::1", "5f00::1",
            # what is no address of one host, whatever others may take it for
            "0.0.0.0",  # noqa: S104 - it is refused
            "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "0", "127.0.0.01",
            "8.8.8.8%lo", "localhost", "", "8.8.8.8 ", "8.8.8.8\n", "[::1]", "8.8.8.8:80",
        ],
    )  # fmt: skip
    def test_refused(self, address: str, other: Host, host: Host, read: Read) -> None:
        assert not is_public(address)
        for found in ([address], ["8.8.8.8", address]):
            with pytest.raises(ForbiddenSourceError) as caught:
                read(other.port, resolve=lambda _host, _port, f=found: f, is_allowed=is_public)
            assert str(caught.value) == f"{NAME}: is not at a public address"
        assert host.contacts == 0

    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
    )
    def test_public(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize(
        "name",
        ["localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "0", "::1"],
    )
    def test_this_machine_is_refused_by_any_name(self, name: str, read: Read) -> None:
        """As the resolver of this very system has it, with somebody listening at that port."""
        address = "::1" if name == "::1" and can_listen(name) else "0.0.0.0"  # noqa: S104
        with (
            listening(address=address) as here,
            # A system that does not know such a name leads nobody anywhere.
            pytest.raises((ForbiddenSourceError, HostUnavailableError)),
        ):
            read(here.port, resolve=lambda _, port: OUTSIDE.resolve(name, port), **REAL)
        assert here.contacts == 0

    def test_one_of_several_that_is_inside_is_enough(self, host: Host, read: Read) -> None:
        for found in ([HERE, "10.0.0.1"], ["::1", HERE]):
            with pytest.raises(ForbiddenSourceError):
                read(host.port, resolve=lambda _host, _port, f=found: f)
        assert host.contacts == 0

    def test_a_name_is_resolved_once(self, host: Host, read: Read) -> None:
        """A second answer, which leads to somebody else, is never asked for."""
        answers = [[HERE], ["127.0.0.2"], ["10.0.0.1"]]
        asked: list[tuple[str, int]] = []

        def resolve(name: str, port: int) -> list[str]:
            asked.append((name, port))
            return answers[len(asked) - 1]

        assert read(host.port, resolve=resolve) == VIDEO
        assert asked == [(NAME, host.port)]

    def test_the_next_address_is_tried_where_nobody_is(self, host: Host, read: Read) -> None:
        assert read(host.port, resolve=lambda _host, _port: ["127.0.0.2", HERE]) == VIDEO

    @pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label")])
    def test_a_name_that_is_not_found_is_asked_for_again(
        self, error: Exception, read: Read
    ) -> None:
        def resolve(_host: str, _port: int) -> list[str]:
            raise error

        with pytest.raises(HostUnavailableError, match="is not found"):
            read(1, resolve=resolve)

    def test_nor_is_one_without_addresses(self, read: Read) -> None:
        with pytest.raises(HostUnavailableError, match="is not found"):
            read(1, resolve=lambda _host, _port: [])


REAL = {"is_allowed": is_public}


class TestTrust:
    """The host is who it says, or it is asked nothing."""

    def test_a_certificate_of_another_name(self, authority: Authority, read: Read) -> None:
        with listening(authority.server("example.org", HERE)) as host:
            with pytest.raises(HostUnavailableError, match="certificate"):
                read(host.port)
            assert host.requests == []

    def test_one_that_nobody_vouches_for(self, host: Host, read: Read) -> None:
        with pytest.raises(HostUnavailableError, match="certificate"):
            read(host.port, trust=OUTSIDE.trust)
        assert host.requests == []

    def test_a_host_without_tls(self, read: Read) -> None:
        with listening() as plain:
            plain.deed = saying(answer(VIDEO))
            with pytest.raises(HostUnavailableError):
                read(plain.port, timeout_s=1)
            assert plain.requests == []

    def test_nobody_at_home(self, read: Read) -> None:
        with listening() as gone:
            pass
        with pytest.raises(HostUnavailableError):
            read(gone.port)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(host: Host, other: Host, read: Read, status: int) -> None:
    for place in (f"https://{HERE}:{other.port}/", f"http://{NAME}:{other.port}/", "/b.mp4", "//x"):
        host.deed = saying(answer(b"", f"{status} Elsewhere", f"Location: {place}"))
        with pytest.raises(ForbiddenSourceError, match=f"answered {status}"):
            read(host.port)
    assert host.contacts == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 451, 201, 204, 206, 226])
def test_what_is_no_file_is_unreadable(host: Host, read: Read, status: int) -> None:
    body = b"" if status == 204 else VIDEO
    host.deed = saying(answer(body, f"{status} X", "WWW-Authenticate: Basic"))
    with pytest.raises(UnreadableVideoError, match=f"answered {status}"):
        read(host.port)
    assert host.contacts == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(host: Host, read: Read, status: int) -> None:
    host.deed = saying(answer(b"", f"{status} X", "Retry-After: 1000000"))
    with pytest.raises(HostUnavailableError, match=f"answered {status}"):
        read(host.port)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + VIDEO[:50],
        FOREVER + b"ff\r\n" + VIDEO[:50],
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 50 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\x00" * 10_000,
        b"",
    ],
    ids=range(12),
)
def test_an_answer_that_is_none_is_no_file(host: Host, read: Read, said: bytes) -> None:
    host.deed = saying(said)
    with pytest.raises(HostUnavailableError) as caught:
        read(host.port)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_file_whose_end_nobody_can_tell_is_unreadable(
    host: Host, read: Read, version: str
) -> None:
    """It may have been cut off, and half a video is not to pass for a whole one."""
    host.deed = saying(f"HTTP/{version} 200 OK\r\n\r\n".encode() + VIDEO)
    with pytest.raises(UnreadableVideoError, match="where the file ends"):
        read(host.port)


class TestSize:
    """No more is taken than is allowed."""

    def test_the_largest_is_taken_and_a_larger_one_is_not(self, host: Host, read: Read) -> None:
        host.deed = saying(answer(bytes(MAX_BYTES)))
        assert len(read(host.port)) == MAX_BYTES
        host.deed = saying(answer(bytes(MAX_BYTES + 1)))
        with pytest.raises(LimitExceededError, match="has 100001 bytes"):
            read(host.port)

    def test_what_says_that_it_is_too_large_is_not_waited_for(self, host: Host, read: Read) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"
        host.deed = dripping(head, 0)
        with pytest.raises(LimitExceededError, match="has 10000000000 bytes"):
            read(host.port)

    def test_what_has_no_end_is_cut_off(self, host: Host, read: Read) -> None:
        sent: list[int] = []

        def go_on(connection: socket.socket) -> None:
            connection.sendall(FOREVER)
            for _ in range(10_000):
                connection.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")
                sent.append(0x4000)

        host.deed = go_on
        with pytest.raises(LimitExceededError, match="allows 100000"):
            read(host.port)
        host.close()
        assert sum(sent) < 50 * MAX_BYTES

    @pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "identity, gzip"])
    def test_nothing_is_unpacked(self, host: Host, read: Read, coding: str) -> None:
        bomb = gzip.compress(bytes(10 * MAX_BYTES))
        host.deed = saying(answer(bomb, "200 OK", f"Content-Encoding: {coding}"))
        with pytest.raises(UnreadableVideoError, match="compressed"):
            read(host.port)


def never(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    "deed",
    [
        never,
        dripping(b"HTTP/1.1 200 OK\r\nX: "),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"),
        dripping(FOREVER + b"1\r\nx\r\n" * 1000),
    ],
    ids=["never", "headers", "continue", "body", "chunks"],
)
def test_a_slow_host_has_so_much_time_and_no_more(host: Host, read: Read, deed: Deed) -> None:
    """However often a byte comes: what counts is the whole."""
    host.deed = deed
    began_s = time.monotonic()
    with pytest.raises(HostUnavailableError, match=r"within 0\.4 s"):
        read(host.port, timeout_s=0.4)
    assert 0.3 < time.monotonic() - began_s < 5


def test_one_that_never_shakes_hands_neither(read: Read) -> None:
    with (
        socket.create_server((HERE, 0)) as silent,
        pytest.raises(HostUnavailableError, match=r"within 0\.4 s"),
    ):
        read(silent.getsockname()[1], timeout_s=0.4)


def test_time_that_the_resolver_took_counts(host: Host, read: Read) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        time.sleep(0.3)
        return [HERE]

    with pytest.raises(HostUnavailableError, match="within"):
        read(host.port, timeout_s=0.2, resolve=resolve)
