"""An S3 bucket on a local server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import fsspec

NAME = "pictures"


@dataclass(frozen=True)
class Bucket:
    """An empty bucket; `url` is what it is called, wherever it is."""

    url: str

    def put(self, name: str, content: bytes) -> None:
        """Put an object in."""
        fsspec.filesystem("s3").pipe_file(f"{NAME}/{name}", content)


@contextmanager
def serve_bucket() -> Iterator[Bucket | None]:
    """A bucket that this process and those it starts find; None where the packages for it are not installed."""
    try:
        import s3fs
        from moto.server import ThreadedMotoServer
    except ModuleNotFoundError:
        yield None
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    there = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.environ.update(there)
    try:
        s3fs.S3FileSystem().mkdir(NAME)
        yield Bucket(f"s3://{NAME}")
    finally:
        for name in there:
            del os.environ[name]
        server.stop()
