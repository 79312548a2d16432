"""Scores to boards: aggregates, derived scores, ranks, and the forms they are written in."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.board.model import Board
    from harness.board.write import load_board, make_board, write_board

__all__ = ["Board", "load_board", "make_board", "write_board"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness.board' has no attribute {name!r}")
    home = "model" if name == "Board" else "write"
    return getattr(import_module(f"harness.board.{home}"), name)
