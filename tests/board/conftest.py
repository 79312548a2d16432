"""What the tests of boards share: boards made by hand, a laboratory, a browser."""

from __future__ import annotations

import importlib.util
import os
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.board.html import render_html
from harness.board.model import Board

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation",
    (e) => window.violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));
"""


@dataclass
class Seen:
    """A page and all that it did besides being there."""

    page: Any
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def bring(self, place: Any) -> Any:
        """Scroll an element into view; return it once the page has been told of the scrolling.

        A page hides its tip when it scrolls, and the event comes a frame after the scrolling:
        a pointer moved before it would see the tip come and go.
        """
        place.scroll_into_view_if_needed()
        self.page.evaluate(
            "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"
        )
        return place

    def assert_clean(self, file: Path) -> None:
        """Assert that the page asked for nothing, complained of nothing and opened nothing."""
        strange = [r for r in self.requests if r != file.as_uri() and not r.startswith("data:")]
        assert strange == []
        assert self.messages == []
        assert self.dialogs == []
        assert self.page.evaluate("window.violations") == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if not chromium:
        pytest.skip("Chromium is not installed: the page was NOT tried in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def show(browser) -> Iterator[Callable[..., Seen]]:
    contexts = []

    def opened(file: Path, *, width: int = 1440, anchor: str = "", **options: Any) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        seen = Seen(page)
        page.on("request", lambda r: seen.requests.append(r.url))
        page.on("console", lambda m: seen.messages.append(m.text))
        page.on("pageerror", lambda e: seen.messages.append(str(e)))

        def dialog(d: Any) -> None:
            seen.dialogs.append(d.message)
            d.dismiss()

        page.on("dialog", dialog)
        page.goto(file.as_uri() + anchor)
        return seen

    yield opened
    for context in contexts:
        context.close()


def load_module(name: str) -> ModuleType:
    """Return a module of this folder, which is no package."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"board_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"board_{name}"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def drawn() -> ModuleType:
    """Return the module ``drawn.py``."""
    return load_module("drawn")


@pytest.fixture(scope="session")
def board(drawn) -> Board:
    boards = load_module("boards")
    return replace(boards.ordinary_board(), **drawn.ordinary(boards.NAMES))


@pytest.fixture(scope="session")
def hostile(drawn) -> Board:
    boards = load_module("boards")
    return replace(boards.hostile_board(), **drawn.hostile(boards.HOSTILE))


@pytest.fixture(scope="session")
def large() -> Board:
    """Return the board of 1,000 models and 24 columns that the benchmark measures."""
    bench = Path(__file__).parents[2] / "benchmarks" / "bench_board.py"
    return runpy.run_path(str(bench))["large_board"]()


@pytest.fixture(scope="session")
def files(board: Board, hostile: Board, large: Board, tmp_path_factory) -> dict[str, Path]:
    """Return the pages of the three boards."""
    folder = tmp_path_factory.mktemp("boards")
    found = {}
    for name, made in (("board", board), ("hostile", hostile), ("large", large)):
        found[name] = folder / f"{name}.html"
        found[name].write_text(render_html(made), encoding="utf-8")
    return found


@pytest.fixture
def lab():
    """Return the module ``lab.py``, fresh; the plugins of its suites find it as ``board_lab``."""
    yield load_module("lab")
    del sys.modules["board_lab"]
