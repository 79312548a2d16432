"""``docs/cli.md`` is made from the commands, and says everything they can do.

After a change of a command: ``UPDATE_DOCS=1 pytest tests/cli/test_docs.py``.
"""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

import click
import pytest

from harness.cli import VERBS, harness

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
INTRODUCTION = """\
# The command line

Every command takes `--help`. Listings go to standard output, what is wrong to standard error.

| exit code | meaning |
|---|---|
| 0 | all is well |
| 1 | `doctor`, `data`, `weights`, `store`: something is broken, damaged or missing; else a bug |
| 2 | wrong usage, or a suite or file with faults: a line for each, and nothing was written |
| 3 | some nodes or checks failed |
| 4 | regression |
| 5 | nothing comparable was measured |
| 6 | incomplete |
| 130 | interrupted |

This page is made from the commands; a test compares them.
"""


def commands():
    """Yield every command with its words: ``("data", "pull")``."""
    context = click.Context(harness)
    for verb in VERBS:
        command = harness.get_command(context, verb)
        yield (verb,), command
        for name, part in getattr(command, "commands", {}).items():
            yield (verb, name), part


ALL = dict(commands())


def options(command):
    return [p for p in command.params if isinstance(p, click.Option)]


def page():
    return INTRODUCTION + "".join(section(words, command) for words, command in ALL.items())


def section(words, command):
    level = "#" * (len(words) + 1)
    arguments = [
        a.make_metavar(click.Context(command))
        for a in command.params
        if isinstance(a, click.Argument)
    ]
    usage = " ".join(["harness", *words, *arguments])
    lines = [f"\n{level} `{usage}`\n", body(command.help)]
    if options(command):
        lines += ["| option | meaning |", "|---|---|"]
        for option in options(command):
            names, meaning = option.get_help_record(click.Context(command))
            lines.append(f"| `{names}` | {cell(meaning)} |")
        lines.append("")
    return "\n".join(lines)


def body(text):
    """Help as Markdown: paragraphs, and what ``\\b`` keeps as it is as a block."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        kept = paragraph.startswith("\b")
        lines = paragraph.removeprefix("\b\n").splitlines()
        parts.append("\n".join(["```", *lines, "```"]) if kept else " ".join(lines))
    return "\n\n".join(parts) + "\n"


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def test_page_is_up_to_date():
    if os.environ.get("UPDATE_DOCS"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    told = "docs/cli.md is out of date: UPDATE_DOCS=1 pytest tests/cli/test_docs.py"
    assert PAGE.read_text(encoding="utf-8") == page(), told


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_command_and_options_have_help(words):
    command = ALL[words]
    assert command.help
    assert "\\b" not in command.help, "a raw docstring: click does not see its \\b"
    first = command.help.splitlines()[0]
    assert first.endswith(".")
    for option in options(command):
        assert option.help, f"{words} {option.opts} says nothing"
        assert option.help.rstrip("]").rstrip().endswith((".", "cores", "name", "folder")), (
            option.help
        )


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_is_printed(cli, words):
    told = cli(*words, "--help")
    assert told.code == 0
    assert f"harness {' '.join(words)}" in told.out.splitlines()[0]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_unknown_option_is_usage(cli, words):
    told = cli(*words, "--nonsuch")
    assert told.code == 2
    assert "No such option" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    "line",
    [
        "lst",
        "list modells",
        "show nonsuch",
        "run nonsuch",
        "run nonsuch.yaml",
        "plan nonsuch",
        "check nonsuch",
        "suite check nonsuch",
        "suite nonsuch",
        "data pull nonsuch",
        "data nonsuch",
        "weights verify nonsuch",
        "import nonsuch.json",
        "store info",
        "store merge nowhere",
        "store export x.parquet",
        "list --plugin nonsuch.py",
        "doctor --plugin nonsuch.py",
    ],
)
def test_bad_input_is_code_2_without_a_trace(cli, tmp_path, line):
    told = cli(*line.split())
    assert told.code == 2
    assert told.out == ""
    assert "Traceback" not in told.err
    fault = told.err.splitlines()[-1]
    assert fault.startswith(("harness: ", "Error: "))
    assert list(tmp_path.iterdir()) == [], "nothing was written"
