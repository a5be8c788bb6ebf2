"""A host of the outside world: real TLS on a socket, with a certificate that the tests make."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = "127.0.0.1"
PATIENCE_S = 20.0
Deed = Callable[[socket.socket], None]


class Authority:
    """Somebody who vouches for hosts; whoever is told of it trusts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        made = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self._file = self._write("authority.pem", made)

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._file))

    def server(self, *names: str) -> ssl.SSLContext:
        """Return what a server of these names needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        called = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key, called)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._write(f"{names[0]}.pem", certificate + secret))
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> bytes:
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


class Host:
    """Somebody who listens, and does with each who connects what the test says.

    Attributes:
        port: at which it listens.
        contacts: how many have connected.
        requests: what was asked, up to its empty line, of each.
        names: whom the others wanted to talk to, as they told TLS.
        deed: what is done once the request was read; None = nothing.
    """

    def __init__(self, context: ssl.SSLContext | None, address: str = HERE) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listening = socket.create_server((address, 0), family=family)
        self.port = int(self._listening.getsockname()[1])
        self.contacts = 0
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.deed: Deed | None = None
        self._context = context
        if context:
            context.sni_callback = lambda _one, name, _context: self.names.append(name)
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.contacts += 1
            self._threads.append(threading.Thread(target=self._meet, args=(connection,)))
            self._threads[-1].start()

    def _meet(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        with connection, contextlib.suppress(OSError):  # they may hang up at any time
            if self._context is None:
                self._answer(connection)
                return
            with self._context.wrap_socket(connection, server_side=True) as wrapped:
                self._answer(wrapped)

    def _answer(self, connection: socket.socket) -> None:
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            piece = connection.recv(65536)
            if not piece:
                return
            asked += piece
        self.requests.append(asked)
        if self.deed:
            self.deed(connection)


def can_listen(address: str) -> bool:
    """Whether this machine has this address; not all have one of IPv6."""
    with contextlib.suppress(OSError), socket.create_server((address, 0), family=socket.AF_INET6):
        return True
    return False


@contextmanager
def listening(context: ssl.SSLContext | None = None, address: str = HERE) -> Iterator[Host]:
    """Give a host; without a context it talks no TLS."""
    host = Host(context, address)
    try:
        yield host
    finally:
        host.close()


def saying(*pieces: bytes) -> Deed:
    """Return the deed of one who says this, and hangs up."""

    def say(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return say


def dripping(content: bytes, pause_s: float = 0.02) -> Deed:
    """Return the deed of one who says this, byte by byte, and then for ever spaces."""

    def drip(connection: socket.socket) -> None:
        waiting = threading.Event()
        for byte in content + b" " * 10_000:
            connection.sendall(bytes([byte]))
            waiting.wait(pause_s)

    return drip


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
