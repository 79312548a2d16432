"""YAML with positions: a document as plain data, and the line and column of each part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from harness.errors import UsageError

__all__ = ["Source"]

Path = tuple[str | int, ...]


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's idea of plain scalars: ``4:2:0``, ``on`` and ``2020-01-01`` are strings."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""]
    )


class Source:
    """A parsed YAML file that still knows where everything stood.

    Args:
        text: the file's content.
        name: how the file is called in messages.

    Raises:
        UsageError: the text is not YAML, holds a key twice, or is no mapping.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._marks: dict[Path, tuple[int, int]] = {}
        try:
            root = yaml.compose(text, Loader=_Loader)
            if not isinstance(root, yaml.MappingNode):
                raise UsageError(f"{name}:1:1 a suite is a mapping of keys to values")
            doubles = list(self._walk(root, ()))
            self.data: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - CSafeLoader
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
            raise UsageError(f"{name}{where} not YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise UsageError(f"{name} not YAML: {str(error).splitlines()[0]}") from None
        if doubles:
            raise UsageError(*doubles)

    def at(self, path: Path) -> str:
        """Return ``file:line:col`` of the deepest known part of ``path``."""
        while path and path not in self._marks:
            path = path[:-1]
        line, column = self._marks[path]
        return f"{self.name}:{line}:{column}"

    def _walk(self, node: yaml.Node, path: Path) -> Iterator[str]:
        self._marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                word = str(key.value)
                if word in seen:
                    line, column = key.start_mark.line + 1, key.start_mark.column + 1
                    yield f"{self.name}:{line}:{column} key {word!r} stands here a second time"
                seen.add(word)
                mark = key.start_mark
                self._marks[(*path, word)] = (mark.line + 1, mark.column + 1)
                yield from self._walk(value, (*path, word))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                yield from self._walk(value, (*path, index))
