"""How many submissions by URI one server takes a second: `python -m tests.bench.submitting`.

The server is a process of its own, on SQLite; the clients are as many threads as connections, each
of which asks again as soon as it is answered.
"""

import argparse
import json
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests.workers.web.web_parts import OUR, Portal
from workers.store.records import Role

CONNECTIONS = 8
HEADER_END = b"\r\n\r\n"


def main() -> None:
    """Measure, and print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--submissions", type=int, default=2000)
    asked = parser.parse_args()
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(Path(folder), there)
        )
        server.start()
        url, secret = here.recv()
        for run in range(asked.runs):
            print(measure(url, secret, asked.submissions, run))  # noqa: T201 - a report
        here.send("stop")
        cpu_s = here.recv()
        server.join()
    print(f"CPU of the server: {1000 * cpu_s / asked.runs / asked.submissions:.2f} ms a submission")  # noqa: T201


def serve(folder: Path, pipe: Connection) -> None:
    """Run a server until the other end of the pipe says something."""
    portal = Portal(folder)
    portal.start()
    pipe.send((portal.url, portal.secrets[OUR, Role.UPLOADER]))
    began = os.times()
    pipe.recv()
    ended = os.times()
    pipe.send(ended.user + ended.system - began.user - began.system)
    portal.stop()


def measure(url: str, secret: str, submissions: int, run: int) -> str:
    """Submit so often, and return how fast it went."""
    host, _, port = url.removeprefix("http://").partition(":")
    taken_s: list[float] = []

    def submit(connection: int) -> None:
        with socket.create_connection((host, int(port))) as open_socket:
            for i in range(connection, submissions, CONNECTIONS):
                body = json.dumps({"uri": f"file:///clips/{run}-{i}.mp4", "tag": "bench"})
                began_s = time.perf_counter()
                open_socket.sendall(_request(secret, body))
                _require_created(open_socket)
                taken_s.append(time.perf_counter() - began_s)

    threads = [threading.Thread(target=submit, args=(i,)) for i in range(CONNECTIONS)]
    began_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate_hz = len(taken_s) / (time.perf_counter() - began_s)
    p50, p99, most = 1000 * np.percentile(taken_s, [50, 99, 100])
    return (
        f"{len(taken_s)} submissions: {rate_hz:.0f}/s,"
        f" p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.1f} ms"
    )


def _request(secret: str, body: str) -> bytes:
    lines = [
        "POST /v1/submissions HTTP/1.1",
        "Host: bench",
        f"Authorization: Bearer {secret}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + HEADER_END + body.encode()


def _require_created(open_socket: socket.socket) -> None:
    """Read one answer to its end."""
    answer = b""
    while HEADER_END not in answer:
        answer += open_socket.recv(65536)
    head, _, body = answer.partition(HEADER_END)
    if not head.startswith(b"HTTP/1.1 201"):
        raise RuntimeError(answer.decode())
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing_bytes = int(lengths[0].partition(b":")[2]) - len(body)
    while missing_bytes > 0:
        missing_bytes -= len(open_socket.recv(65536))


if __name__ == "__main__":
    main()
