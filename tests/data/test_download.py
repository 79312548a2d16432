"""Downloading through every fault a server or a disk shows, on a loopback server."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.data import DownloadError, download, pull
from harness.spec import Resource

BODY = bytes(i * 7919 % 251 for i in range(300_000))
OTHER = bytes(i * 104729 % 241 for i in range(300_000))


@dataclass
class Site:
    """What the server does: each request takes the next fault, or none."""

    body: bytes = BODY
    faults: list[str] = field(default_factory=list)
    ranges: bool = True
    etag: str = '"v1"'
    length: bool = True
    seen: list[dict[str, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def resource(self, content: bytes = BODY, **given) -> Resource:
        digest = hashlib.sha256(content).hexdigest()
        return Resource(**{"name": "f.bin", "url": self.url, "sha256": digest, **given})


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *args):
        pass

    def do_GET(self):
        site = self.site
        site.seen.append(dict(self.headers))
        fault = site.faults.pop(0) if site.faults else ""
        if fault.isdigit():
            self.send_error(int(fault))
            return
        if fault == "redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        if fault == "change":
            site.body, site.etag = OTHER, '"v2"'
        start = 0
        asked = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        fresh = condition is None or condition == site.etag or fault == "ignore-if-range"
        if site.ranges and asked and fresh:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            size = len(site.body)
            if fault != "unsaid":
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        if site.length:
            self.send_header("Content-Length", str(len(site.body) - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        content = site.body[start:]
        if fault in {"drop", "stall"}:
            content = content[: len(content) // 2]
        self.wfile.write(content)
        if fault == "stall":
            self.wfile.flush()
            site.release.wait(10)

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": made}))
    server.handle_error = lambda *args: None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/f.bin"
    yield made
    made.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(resource: Resource, target: Path, **given) -> None:
    download(resource, target, **{"backoff": 0.001, "attempts": 4, "timeout": 5.0, **given})


def only(target: Path) -> bool:
    """Say whether nothing but the file itself was left in its folder."""
    return [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "cache" / "owner" / "f.bin"


def test_whole_file_and_progress(site, target):
    seen: list[tuple[int, int]] = []
    fetch(site.resource(), target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == BODY
    assert only(target)
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_file_that_is_there_is_not_fetched_again(site, target):
    fetch(site.resource(), target)
    fetch(site.resource(), target)
    assert len(site.seen) == 1


def test_a_damaged_file_is_replaced(site, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"rubbish")
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY


def test_an_md5_is_enough_where_the_publisher_states_no_other(site, target):
    stated = f"md5:{hashlib.md5(BODY).hexdigest()}"
    fetch(site.resource(sha256=stated), target)
    fetch(site.resource(sha256=stated), target)
    assert target.read_bytes() == BODY
    assert len(site.seen) == 1
    target.unlink()
    site.body = OTHER
    with pytest.raises(DownloadError, match=f"md5:{hashlib.md5(OTHER).hexdigest()}"):
        fetch(site.resource(sha256=stated), target)
    assert not list(target.parent.iterdir())


def test_digest_prefix_is_enough(site, target):
    whole = site.resource()
    fetch(site.resource(sha256=whole.sha256[:8]), target)
    assert target.read_bytes() == BODY


def test_dropped_connection_goes_on_where_it_was(site, target):
    site.faults = ["drop", "drop"]
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY
    asked = [headers.get("Range") for headers in site.seen]
    assert asked == [None, "bytes=150000-", "bytes=225000-"]
    assert site.seen[1]["If-Range"] == '"v1"'


def test_a_later_call_goes_on_with_the_part(site, target):
    site.faults = ["drop"]
    with pytest.raises(DownloadError, match="150000 bytes are kept: run the command again"):
        fetch(site.resource(), target, attempts=1)
    assert not target.exists()
    fetch(site.resource(), target)
    assert site.seen[1]["Range"] == "bytes=150000-"
    assert target.read_bytes() == BODY
    assert only(target)


def test_server_without_ranges_starts_again(site, target):
    site.ranges = False
    site.faults = ["drop"]
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY


def test_server_without_length_or_version(site, target):
    site.length, site.etag = False, ""
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY


def test_cut_short_without_length_is_noticed_by_the_digest(site, target):
    site.length = False
    site.faults = ["drop"]
    with pytest.raises(DownloadError, match="not the one expected"):
        fetch(site.resource(), target)
    assert not target.exists()


@pytest.mark.parametrize("how", ["change", "ignore-if-range"])
def test_file_changed_between_two_pieces_is_begun_anew(site, target, how):
    site.faults = ["drop"]
    with pytest.raises(DownloadError):
        fetch(site.resource(OTHER), target, attempts=1)
    site.body, site.etag = OTHER, '"v2"'
    site.faults = [how]
    fetch(site.resource(OTHER), target)
    assert target.read_bytes() == OTHER


def test_pieces_of_two_unnamed_versions_are_begun_anew(site, target):
    site.etag = ""
    site.faults = ["drop"]
    with pytest.raises(DownloadError):
        fetch(site.resource(OTHER), target, attempts=1)
    site.body = OTHER
    fetch(site.resource(OTHER), target)
    assert target.read_bytes() == OTHER


def test_part_that_is_whole_needs_no_request(site, target):
    site.faults = ["drop"]
    with pytest.raises(DownloadError):
        fetch(site.resource(), target, attempts=1)
    with target.with_name("f.bin.part").open("ab") as part:
        part.write(BODY[150_000:])
    fetch(site.resource(), target)
    assert len(site.seen) == 1
    assert target.read_bytes() == BODY


def test_part_that_is_too_long_is_begun_anew(site, target):
    site.faults = ["drop"]
    with pytest.raises(DownloadError):
        fetch(site.resource(), target, attempts=1)
    with target.with_name("f.bin.part").open("ab") as part:
        part.write(BODY)
    fetch(site.resource(), target)
    assert "Range" not in site.seen[1]
    assert target.read_bytes() == BODY


def test_piece_without_its_place_is_asked_for_again(site, target):
    site.faults = ["drop", "unsaid"]
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY


def test_endless_body_is_cut(site, target):
    site.length = False
    with pytest.raises(DownloadError, match="more than the 1000 bytes announced arrived"):
        fetch(site.resource(size=1000), target)


def test_unknown_host_is_not_asked_again(target, monkeypatch):
    asked: list[object] = []

    def resolve(*args: object, **given: object) -> None:
        asked.append(args)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    nobody = Resource(name="f.bin", url="http://nowhere.invalid/f.bin", sha256="0" * 64)
    with pytest.raises(DownloadError, match="Name or service not known; check the network"):
        fetch(nobody, target)
    assert len(asked) == 1


def test_part_of_another_declared_file_is_thrown_away(site, target):
    site.faults = ["drop"]
    with pytest.raises(DownloadError):
        fetch(site.resource(), target, attempts=1)
    site.body = OTHER
    fetch(site.resource(OTHER), target)
    assert "Range" not in site.seen[1]
    assert target.read_bytes() == OTHER


def test_wrong_digest_keeps_nothing(site, target):
    with pytest.raises(DownloadError) as raised:
        fetch(site.resource(OTHER), target)
    found = hashlib.sha256(BODY).hexdigest()
    assert found in str(raised.value)
    assert site.url in str(raised.value)
    assert len(raised.value.lines) == 1
    assert len(site.seen) == 1
    assert list(target.parent.iterdir()) == []


def test_wrong_size_is_seen_before_the_body(site, target):
    with pytest.raises(DownloadError, match="has 300000 bytes, expected 17"):
        fetch(site.resource(size=17), target)


@pytest.mark.parametrize("status", ["404", "403", "410"])
def test_final_refusals_are_not_repeated(site, target, status):
    site.faults = [status] * 9
    with pytest.raises(DownloadError, match=f"f.bin: HTTP {status} "):
        fetch(site.resource(), target)
    assert len(site.seen) == 1


@pytest.mark.parametrize("status", ["500", "503", "429"])
def test_passing_refusals_are_repeated(site, target, status):
    site.faults = [status, status]
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY


def test_repetition_is_bounded(site, target):
    site.faults = ["500"] * 50
    with pytest.raises(DownloadError, match=r"HTTP 500 .*, 4 times"):
        fetch(site.resource(), target)
    assert len(site.seen) == 4


def test_redirect_is_followed_with_its_range(site, target):
    site.faults = ["drop", "redirect"]
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY
    assert site.seen[2]["Range"] == "bytes=150000-"


def test_refused_piece_begins_anew(site, target):
    site.faults = ["drop", "416"]
    fetch(site.resource(), target)
    assert target.read_bytes() == BODY
    assert "Range" not in site.seen[2]


def test_silent_server_counts_as_dropped(site, target):
    site.faults = ["drop"]
    with pytest.raises(DownloadError):
        fetch(site.resource(), target, attempts=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, and never answers
        silent = site.resource(url=f"http://127.0.0.1:{listener.getsockname()[1]}/f.bin")
        with pytest.raises(DownloadError, match="stopped answering, 2 times; 150000 bytes"):
            fetch(silent, target, attempts=2, timeout=0.1)


def test_server_that_stalls_in_the_middle(site, target):
    site.faults = ["stall"]
    fetch(site.resource(), target, timeout=0.2)
    assert target.read_bytes() == BODY
    assert site.seen[1]["Range"] == "bytes=150000-"


def test_no_server_there(target):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nobody = Resource(name="f.bin", url=f"http://127.0.0.1:{port}/f.bin", sha256="0" * 64)
    with pytest.raises(DownloadError, match=r"f\.bin: .*refused, 2 times"):
        fetch(nobody, target, attempts=2)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "kodim01.png", ""])
def test_other_addresses_are_refused(target, url):
    with pytest.raises(DownloadError, match=r"expected http\(s\)://"):
        fetch(Resource(name="f.bin", url=url, sha256="0" * 64), target)


_CHILD = """
import resource, signal, sys
from pathlib import Path
from harness.data import DownloadError, download
from harness.spec import Resource
url, sha256, target, limit = sys.argv[1:]
if int(limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    download(Resource(name="f.bin", url=url, sha256=sha256), Path(target))
except DownloadError as error:
    print(error)
"""


def other_process(resource: Resource, target: Path, *, limit: int = 0) -> subprocess.Popen[str]:
    """Fetch in another process, which can write files of at most ``limit`` bytes (0: any)."""
    arguments = [resource.url, resource.sha256, str(target), str(limit)]
    command = [sys.executable, "-c", _CHILD, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_full_disk_is_one_line_and_keeps_the_part(site, target):
    line, _ = other_process(site.resource(), target, limit=100_000).communicate(timeout=30)
    kept = target.with_name("f.bin.part").stat().st_size
    assert "no room on the disk" in line
    assert f"{kept} bytes are kept" in line
    assert line.count("\n") == 1
    assert not target.exists()
    fetch(site.resource(), target)
    assert site.seen[-1].get("Range") == (f"bytes={kept}-" if kept else None)
    assert target.read_bytes() == BODY


def test_pulls_at_once_fetch_once(site, target):
    resource = site.resource()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            fetch(resource, target)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    others = [other_process(resource, target) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [other.communicate(timeout=30)[0] for other in others]
    assert (failures, said) == ([], ["", ""])
    assert len(site.seen) == 1
    assert target.read_bytes() == BODY
    assert only(target)


def test_folder_that_cannot_be_made(tmp_path, site):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch(site.resource(), tmp_path / "file" / "f.bin")


def test_pull_fetches_into_the_cache_and_repairs_it(site, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    seen: list[tuple[str, int, int]] = []
    resources = [site.resource(name="a"), site.resource(name="sub/b")]
    found = pull(
        "owner", resources, lambda what, done, total: seen.append((what.name, done, total))
    )
    assert [state.state for state in found] == ["present", "present"]
    assert (tmp_path / "owner" / "sub" / "b").read_bytes() == BODY
    assert ("sub/b", len(BODY), len(BODY)) in seen
    (tmp_path / "owner" / "a").write_bytes(b"damage")
    assert pull("owner", resources)[0].state == "present"
    assert len(site.seen) == 3


def test_pull_shares_a_file_with_another_owner(site, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    pull("first", [site.resource()])
    assert pull("second", [site.resource()])[0].state == "present"
    assert len(site.seen) == 1
    assert (tmp_path / "second" / "f.bin").samefile(tmp_path / "first" / "f.bin")
    site.body = OTHER  # one name, another file
    assert pull("third", [site.resource(OTHER)])[0].state == "present"
    assert (tmp_path / "third" / "f.bin").read_bytes() == OTHER
    assert (tmp_path / "first" / "f.bin").read_bytes() == BODY
