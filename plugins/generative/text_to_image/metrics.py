"""Metrics of samples by rules, of controls, and of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Signed
from harness.cost import NotMeasuredError
from harness_plugins.generative.shapes import COLOURS, SHAPES

__all__ = ["drawn", "identity_kept", "rule_accuracy", "rule_colour", "rule_shape", "tflops"]

Verdicts = Sequence[Mapping[str, Any]]
OfEach = Callable[[Verdicts], NDArray[np.float64]]
_STEP = "denoise"


def rule_accuracy() -> OfEach:
    """Return the metric that is 1 where a sample shows all that was asked."""
    return lambda verdicts: np.array([float(v["right"]) for v in verdicts])


def rule_colour() -> OfEach:
    """Return the metric that is 1 where the colour is right."""
    return lambda verdicts: _agree(verdicts, "colour", 0)


def rule_shape() -> OfEach:
    """Return the metric that is 1 where the shape is right."""
    return lambda verdicts: _agree(verdicts, "shape", 1)


def _agree(verdicts: Verdicts, what: str, word: int) -> NDArray[np.float64]:
    return np.array([float(v["prompt"].split()[word] == v[what]) for v in verdicts])


def drawn(verdicts: Verdicts) -> list[dict[str, Any]]:
    """Return a line for each word: how often it was asked, drawn right, and what was drawn."""
    lines = []
    for what, words, place in (("colour", COLOURS, 0), ("shape", SHAPES, 1)):
        for word in words:
            own = [v for v in verdicts if v["prompt"].split()[place] == word]
            seen = Counter(v[what] for v in own)
            if own:
                lines.append(
                    {
                        "asked": word,
                        "samples": float(len(own)),
                        "right (%)": 100.0 * seen[word] / len(own),
                        "drawn": ", ".join(f"{name} {n}" for name, n in seen.most_common()),
                    }
                )
    return lines


def identity_kept() -> Callable[[Mapping[str, Any]], Signed]:
    """Return the metric that is 1 where nothing changed."""

    def score(found: Mapping[str, Any]) -> Signed:
        kept = float(found["kept"])
        note = "" if kept else f"a level differs by up to {found['most']}"
        return Signed(kept, replicates=(kept,), note=note)

    return score


def tflops(*, attention: bool) -> Callable[[Mapping[str, Any]], Signed]:
    """Return the TFLOP of all steps of the denoising network, for one image.

    Args:
        attention: whether both products of attention count.
    """

    def score(cost: Mapping[str, Any]) -> Signed:
        parts = [part for part in cost["components"] if part["step"] == _STEP]
        if not parts:
            raise NotMeasuredError(f"the model names no component of the step {_STEP!r}")
        macs = sum(
            part["calls"] * n
            for part in parts
            for kind, n in part["macs"]["dense"].items()
            if attention or kind != "attention"
        )
        value = 2 * macs / 1e12
        missed = sorted({name for part in parts for name in part["without_formula"]})
        note = f"not counted, no formula: {', '.join(missed)}" if missed else ""
        return Signed(value, replicates=(value,), note=note)

    return score
