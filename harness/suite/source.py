"""YAML with positions: a document as plain data, and the line and column of each part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from harness.errors import UsageError

__all__ = ["Source", "position"]

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


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    try:
        return int(loader.construct_scalar(node))
    except ValueError:
        raise yaml.MarkedYAMLError(
            problem="too long a number", problem_mark=node.start_mark
        ) from None


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)  # YAML 1.1 reads 010 as 8

_PLAIN = {f"tag:yaml.org,2002:{t}" for t in ("bool", "null", "int", "float", "str", "map", "seq")}
_MOST_LEVELS = 50
_MOST_PARTS = 100_000  # aliases of aliases can stand for any number


class Source:
    """A parsed YAML file that still knows where everything stood.

    Args:
        text: the file's content.
        name: how the file is called in messages.

    Raises:
        UsageError: the text is not YAML, holds a key twice or what JSON cannot hold, or is no
            mapping.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._marks: dict[Path, tuple[int, int]] = {}
        try:
            self._check_nesting(text)
            loader = _Loader(text)
            root = loader.get_single_node()
            if not isinstance(root, yaml.MappingNode):
                raise UsageError(f"{name}:1:1 a suite is a mapping of keys to values")
            faults = list(self._walk(root, (), loader))
            if faults:
                raise UsageError(*faults)
            self.data: dict[str, Any] = loader.construct_document(root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            what = error.problem or error.context
            raise UsageError(f"{name}:{line}:{column} not YAML: {what}") from None
        except yaml.reader.ReaderError as error:
            before = text.encode()[: error.position].decode(errors="replace")
            where = f"{name}:{position(before)}"
            raise UsageError(f"{where} not YAML: a control character") from None

    def _check_nesting(self, text: str) -> None:
        """Refuse what composing, which recurs, would not survive."""
        depth = 0
        for event in yaml.parse(text, _Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_LEVELS + 1:
                mark = event.start_mark
                where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
                raise UsageError(f"{self.name}{where} too large, or it holds itself")

    def at(self, path: Path) -> str:
        """Return ``file:line:col`` of the deepest known part of ``path``."""
        while path and path not in self._marks:
            path = path[:-1]
        line, column = self._marks[path]
        return f"{self.name}:{line}:{column}"

    def fault(self, path: Path, message: str) -> str:
        """Return ``file:line:col path: message`` as one printable line."""
        text = f"{'.'.join(str(p) for p in path)}: {message}"
        return f"{self.at(path)} {_printable(text)}"

    def _walk(self, node: yaml.Node, path: Path, loader: _Loader) -> Iterator[str]:
        """Note where each part stands; yield what JSON cannot hold."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self._marks.setdefault(path, (line, column))
        if len(self._marks) > _MOST_PARTS or len(path) > _MOST_LEVELS:
            raise UsageError(f"{self.name}:{line}:{column} too large, or it holds itself")
        if fault := _fault(node, loader):
            yield f"{self.name}:{line}:{column} {_printable(fault)}"
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                line, column = key.start_mark.line + 1, key.start_mark.column + 1
                if not key.tag.endswith(":str"):
                    yield f"{self.name}:{line}:{column} a key must be a word; quotes make it one"
                    continue
                word = key.value
                if word in seen:
                    yield f"{self.name}:{line}:{column} key {word!r} stands here a second time"
                seen.add(word)
                self._marks[(*path, word)] = (line, column)
                yield from self._walk(value, (*path, word), loader)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                yield from self._walk(value, (*path, index), loader)


def _fault(node: yaml.Node, loader: _Loader) -> str:
    """Say what is wrong with a part by itself, "" where nothing is."""
    meant = node.tag
    if isinstance(node, yaml.ScalarNode) and not meant.endswith(":str"):
        meant = loader.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
    if node.tag not in _PLAIN or meant != node.tag:
        return f"tag {node.tag!r}: a suite is plain data"
    if isinstance(node, yaml.ScalarNode) and meant.endswith(":float"):
        finite = math.isfinite(loader.construct_yaml_float(node))
        return "" if finite else f"{node.value}: a number must be finite"
    return ""


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def position(before: str) -> str:
    """Return ``line:column`` of what follows the text ``before``."""
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
