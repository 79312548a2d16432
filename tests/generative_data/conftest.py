"""Empty places for data, and a loopback server that a download can break off and resume at."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.spec import Resource


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch) -> Path:
    """Point the data folder and the cache at empty places."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@dataclass
class Site:
    """Files by name; ``asked`` has every request, as (name, first byte)."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    drops: int = 0  # responses that are still to be broken off in their middle

    def declare(self, resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
        """Return the declarations with this site's addresses, and the digests of its files."""
        return tuple(
            replace(
                resource,
                url=f"{self.url}/{resource.name}",
                sha256=hashlib.sha256(self.files[resource.name]).hexdigest(),
                size=len(self.files[resource.name]),
            )
            for resource in resources
        )


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            name = self.path.strip("/")
            body = made.files[name]
            start = int(self.headers.get("Range", "bytes=0-")[6:-1])
            made.asked.append((name, start))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.send_header("ETag", '"1"')
            self.end_headers()
            sent = body[start:]
            if made.drops:
                made.drops -= 1
                sent = sent[: len(sent) // 2]
            self.wfile.write(sent)

    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
