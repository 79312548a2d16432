from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.text import plain, size

FAMILIES = ",".join(p.name for p in entry_points(group="harness") if p.name != "local")
SHOP = str(Path(__file__).parent / "shop.py")


@given(st.integers(0, 10**16))
def test_size_has_three_digits_and_is_near(count):
    number, unit = size(count).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert len(number.replace(".", "")) <= 3 or unit == "TB"
    assert float(number) * factor == pytest.approx(count, rel=0.051)


@given(st.text())
def test_plain_text_is_one_harmless_line(text):
    told = plain(text)
    assert told.isprintable()
    assert plain(told) == told


def on_terminal(width, *args, cache):
    """Run the program on a terminal of a width; return the lines a person sees."""
    main, worker = pty.openpty()
    fcntl.ioctl(worker, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    env = {
        **{
            k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "HARNESS_DATA")
        },
        "TERM": "xterm-256color",
        "HARNESS_CACHE": str(cache),
        "HARNESS_DISABLE_PLUGINS": FAMILIES,
    }
    command = [sys.executable, "-c", "from harness.cli import main; main()", *args]
    with subprocess.Popen(command, stdout=worker, stderr=worker, env=env):
        os.close(worker)
        seen = b""
        while True:
            try:
                piece = os.read(main, 1 << 16)
            except OSError:  # the other end is closed
                break
            seen += piece
    os.close(main)
    text = seen.decode()
    assert "\x1b[" in text, "no colour on a terminal"
    assert "Traceback" not in text
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()]


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("words", [["list"], ["show", "box", "crate", "post"], ["doctor"]])
def test_lines_fit_the_terminal_and_nothing_is_cut(width, words, tmp_path):
    lines = on_terminal(width, *words, "--plugin", SHOP, cache=tmp_path)
    long = [line for line in lines if len(line) > width]
    assert [line for line in long if " " in line.strip()] == []
    assert not any("…" in line for line in lines)
    whole = " ".join(" ".join(lines).split())
    assert ("drone" in whole) or words[0] == "show"
    if words[0] != "show":
        assert "no pilot's licence" in whole


def test_downloads_on_a_terminal(tmp_path, server):
    lines = on_terminal(80, "data", "pull", "letters", "--plugin", SHOP, cache=tmp_path)
    assert lines[-1] == "✓ letters: fetched 2 of 2 files, 2.0 kB"


def test_why_stands_below_the_summary(tmp_path):
    lines = on_terminal(80, "list", "models", "--plugin", SHOP, cache=tmp_path)
    at = next(i for i, line in enumerate(lines) if "A wooden crate" in line)
    assert lines[at + 1].strip() == "oakwood is not installed"
    assert lines[at + 1].index("oakwood") == lines[at].index("A wooden")


def test_where_names_are_long_the_summary_stands_below(tmp_path):
    (tmp_path / "long.py").write_text(
        "from harness import Model, hookimpl\n"
        "@hookimpl\n"
        "def harness_models():\n"
        "    return [Model(name='n' * 50 + c, family='post', factory='x:x', summary='w ' * 30)\n"
        "            for c in 'ab']\n"
    )
    plugin = ("--plugin", str(tmp_path / "long.py"))
    narrow = on_terminal(80, "list", "models", *plugin, cache=tmp_path)
    assert [line.split()[0] for line in narrow] == ["name", "✓", "w", "✓", "w"]
    wide = on_terminal(160, "list", "models", *plugin, cache=tmp_path)
    assert [line.split()[0] for line in wide] == ["name", "✓", "✓"]
