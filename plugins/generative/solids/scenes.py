"""What prompts of coloured primitives say: a grammar, and all that can be said in it.

``red cube``, ``blue sphere on a green cube``, ``yellow cone beside a red cylinder``: one
primitive, or two of different colours and a relation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

from harness.errors import nearest

__all__ = ["COLOURS", "RELATIONS", "SHAPES", "Primitive", "Scene", "every_scene", "parse"]

#: Names of colours, and what they are in RGB.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (30, 170, 60),
    "blue": (40, 80, 220),
    "yellow": (245, 205, 10),
}
SHAPES = ("cube", "sphere", "cylinder", "cone")
RELATIONS = ("on", "beside")


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive of one colour."""

    colour: str
    shape: str

    def __str__(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a prompt asks for: a primitive, and where ``relation`` says so its place by another."""

    first: Primitive
    relation: str = ""
    second: Primitive | None = None

    def __str__(self) -> str:
        if self.second is None:
            return str(self.first)
        return f"{self.first} {self.relation} a {self.second}"

    @property
    def primitives(self) -> tuple[Primitive, ...]:
        """Those of the scene, in the order of the prompt."""
        return (self.first,) if self.second is None else (self.first, self.second)


def parse(prompt: str) -> Scene:
    """Return the scene of a prompt.

    Raises:
        ValueError: it is not of the grammar; one line with the nearest word.
    """
    words = prompt.split()
    if len(words) == 2:
        return Scene(_primitive(prompt, words))
    if len(words) != 6 or words[3] != "a":
        raise ValueError(f"prompt {prompt!r}: expected 'red cube' or 'red cube on a blue sphere'")
    _known(prompt, "relation", words[2], RELATIONS)
    scene = Scene(_primitive(prompt, words[:2]), words[2], _primitive(prompt, words[4:]))
    if words[0] == words[4]:
        raise ValueError(f"prompt {prompt!r}: the two primitives need different colours")
    return scene


def every_scene() -> list[Scene]:
    """Return all scenes there are: 16 of one primitive, and 384 of two."""
    one = [Primitive(colour, shape) for colour, shape in product(COLOURS, SHAPES)]
    two = product(one, RELATIONS, one)
    return [Scene(p) for p in one] + [Scene(a, r, b) for a, r, b in two if a.colour != b.colour]


def _primitive(prompt: str, words: list[str]) -> Primitive:
    colour, shape = words
    _known(prompt, "colour", colour, COLOURS)
    _known(prompt, "shape", shape, SHAPES)
    return Primitive(colour, shape)


def _known(prompt: str, what: str, word: str, words: Collection[str]) -> None:
    if word not in words:
        raise ValueError(f"prompt {prompt!r}: unknown {what} {word!r}{nearest(word, words)}")
