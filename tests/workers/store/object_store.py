"""A real server of the S3 protocol for tests, on this machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

KEY, SECRET = "test-key", "test-secret"


class ObjectStore:
    """A server with buckets; nobody but this process can reach it."""

    def __init__(self, server: ThreadedMotoServer) -> None:
        self.server = server
        host, port = server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    @property
    def options(self) -> dict[str, Any]:
        """What S3's driver takes to find it; it does not try again for long."""
        return {
            "key": KEY,
            "secret": SECRET,
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": "us-east-1"},
            "config_kwargs": {"retries": {"max_attempts": 1}},
        }

    def make_bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    @property
    def client(self) -> Any:
        """Amazon's own client, to look at what is there."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )


@contextmanager
def running_object_store() -> Iterator[ObjectStore]:
    """Start a server and stop it at the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield ObjectStore(server)
    finally:
        server.stop()
