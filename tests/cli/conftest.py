from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.cli import main

HERE = Path(__file__).parent
# The families' own plugins are left out: what they declare is for other tests.
FAMILIES = ",".join(p.name for p in entry_points(group="harness") if p.name != "local")


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Call the program in this process: ``cli("list", "models") -> Result``."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", FAMILIES)
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Result(ended.value.code or 0, out, err)

    return call


@pytest.fixture
def shop(cli):
    """Call the program with the plugin ``shop.py``."""
    return lambda *args: cli(*args, "--plugin", HERE / "shop.py")


CONTENT = b"0123456789" * 100


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if "b.txt" in self.path and self.server.lacks_b:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.lacks_b = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("SHOP_PORT", str(server.server_port))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def families():
    """The value of HARNESS_DISABLE_PLUGINS that leaves the families' own plugins out."""
    return FAMILIES
