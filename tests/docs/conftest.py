"""The documentation as something that can be run: its fenced blocks, in order, in a folder.

A block whose first line is ``# name.ext`` is a file. In a console block, lines that begin with
``$`` are commands and the others what they print: every printed line must really be printed,
with other numbers perhaps. A python block without a name is run, or, where it begins with
``>>>``, held against what it prints.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# ((?:[\w.-]+/)*[\w.-]+\.(?:py|ya?ml|toml|sh))\n")
_NUMBER = re.compile(r"[-−+]?\d[\d,.]*(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|\b[0-9a-f]{16,}\b|\binf\b")
# what takes minutes, the network, or an empty machine: only its words are checked
_TOO_MUCH = re.compile(
    r"\btox\b|^pip |^git |harness (run|board|plan) ([\w-]*quick|kodak|t2i-coco)\b|"
    r"harness (data|weights) pull"
)


class Block(NamedTuple):
    """A fenced block: its language, the file it is ("" for none), and its text."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    found = []
    for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        named = _NAMED.match(text)
        found.append(Block(language, named[1] if named else "", text))
    return found


def commands(block: Block) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            parts = re.split(r"\s{2,}\$ ", line[2:])
            found += [(re.sub(r"\s{2,}#.*", "", part).strip(), []) for part in parts]
        elif found and line.strip() not in {"", "…"}:
            found[-1][1].append(line)
    return found


def check_words(command: str) -> None:
    """Check verb and options of each ``harness`` command in a line, without running it."""
    from harness.cli import harness

    for part in re.split(r"&&|\|\||[|;]", command):
        words = shlex.split(part.strip(), comments=True)
        if words[:1] != ["harness"]:
            continue
        verb = harness.get_command(None, words[1])
        assert verb is not None, f"no such command: {part}"
        rest = [w for w in words[2:] if not w.startswith(("$", ">"))]
        if hasattr(verb, "commands"):
            assert rest[0] in verb.commands, part
            verb, rest = verb.commands[rest[0]], rest[1:]
        verb.make_parser(verb.make_context("", [], resilient_parsing=True)).parse_args(rest)


def plain(line: str) -> str:
    """Return a line of output without its numbers and spacing."""
    return " ".join(_NUMBER.sub("#", line).split())


class Runner:
    """Runs the blocks of one page in a folder of its own, which holds ``pictures/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed: list[tuple[str, str]] = []
        draw(folder / "pictures")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
        self.env = inherited | {
            "HARNESS_CACHE": str(folder / ".cache"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / ".site"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
        }

    def page(self, page: Path) -> list[str]:
        """Run a page; return what is wrong with it."""
        faults: list[str] = []
        for block in blocks(page):
            if block.file:
                path = self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            if block.language == "console":
                for command, said in commands(block):
                    faults += self.command(command, said)
            elif block.language == "python" and not block.file:
                faults += self.python(block.text)
        return faults

    def command(self, command: str, said: list[str]) -> list[str]:
        """Run one command of a console block."""
        if project := re.fullmatch(r"pip install -e (\.|docs/examples/\w+)", command):
            here = self.folder if project[1] == "." else ROOT / project[1]
            install(here, self.folder / ".site")
            return []
        if _TOO_MUCH.search(command):
            check_words(command)
            return []
        done = self._run(["bash", "-c", command])
        output = done.stdout + done.stderr
        self.printed.append((command, output))
        real = [plain(line) for line in output.splitlines()]
        faults = [
            f"$ {command}\n  does not print: {line}"
            for line in said
            if not any(_same(plain(line), found) for found in real)
        ]
        if done.returncode:
            faults.append(f"$ {command}\n  ended with {done.returncode}")
        return [f"{fault}\n{output[-3000:]}" for fault in faults]

    def python(self, text: str) -> list[str]:
        """Run one example in Python, in a process of its own."""
        if text.startswith(">>>"):
            name = self.folder / "example.txt"
            name.write_text(text, encoding="utf-8")
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            code = f"import doctest as d, sys; sys.exit(d.testfile('example.txt', False, \
optionflags={flags})[0])"
        else:
            code = text
        done = self._run([sys.executable, "-c", code])
        self.printed.append((text, done.stdout + done.stderr))
        return [f"{text}\n{done.stdout}{done.stderr}"] if done.returncode else []

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )


def _same(said: str, found: str) -> bool:
    """Tell whether a documented line is a printed one; ``…`` stands for anything."""
    return re.fullmatch(".*?".join(map(re.escape, said.split("…"))), found) is not None


def install(project: Path, site: Path) -> None:
    """Make the project's package a distribution on ``site``, as an editable install would."""
    import tomllib

    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
    )
    lines = []
    for group, points in about["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for package in (p.parent for p in project.glob("*/__init__.py")):
        (site / package.name).symlink_to(package)


def draw(folder: Path) -> None:
    """Draw six small pictures with the traits of photographs: smooth, edged and noisy."""
    from PIL import Image

    folder.mkdir()
    y, x = np.mgrid[:64, :96]
    for n in range(6):
        noise = np.random.default_rng(n).normal(0, 4 + n, (64, 96, 1))  # of luma: 4:2:0 keeps it
        waves = [120 + 70 * np.sin(x / (9 + n) + c) * np.cos(y / (13 - n) - c) for c in range(3)]
        image = np.stack(waves, -1) + 50 * ((x // 24 + y // 24) % 2)[..., None] + noise
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"view{n}.png")


@pytest.fixture
def runner(tmp_path) -> Runner:
    """Return what runs a page."""
    return Runner(tmp_path)


@pytest.fixture(scope="session")
def documentation():
    """Return the functions that take pages apart."""
    return sys.modules[__name__]
