from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.cli import main

HERE = Path(__file__).parent


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Call the program in this process: ``cli("list", "models") -> Result``."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", "codec,codec_classical")
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
