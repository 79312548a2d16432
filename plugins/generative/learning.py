"""Training as a stage, for the tasks whose training data is a dict of arrays with its budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness_plugins.generative.interface import Lacking

__all__ = ["fit", "loaded"]


def fit(model: Any, inputs: Mapping[str, Any], _point: None, seed: int) -> dict[str, bytes]:
    """Let a model learn that can; one without ``fit`` has an empty checkpoint.

    Raises:
        Lacking: it has to learn, and the dataset has nothing to learn from.
    """
    if not hasattr(model, "fit"):
        return {"checkpoint": b""}
    training = dict(inputs["training"])
    if not training:
        raise Lacking("the dataset has nothing to learn from")
    budget = int(training.pop("budget"))
    return {"checkpoint": model.fit(training, seed, budget)}


def loaded(model: Any, inputs: Mapping[str, Any]) -> None:
    """Make a model what its checkpoint holds, where it learns."""
    if hasattr(model, "load"):
        model.load(inputs["checkpoint"])
