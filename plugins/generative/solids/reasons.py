"""What is wrong with the views of a block, by view, for the board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness_plugins.generative.solids.checker import FAULTS
from harness_plugins.generative.solids.hexaview import VIEWS

__all__ = ["reasons_by_view"]


def reasons_by_view(verdicts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a line for each view: how often it is right, its faults, and one of the commonest."""
    lines = []
    for number, name in enumerate(VIEWS):
        told = list(zip(verdicts["prompts"], verdicts["views"], strict=True))
        counts = Counter(six[number]["fault"] for _, six in told)
        worst = max(FAULTS, key=lambda fault: counts[fault])
        examples = [
            f"“{prompt}”: {six[number]['reason']}"
            for prompt, six in told
            if six[number]["fault"] == worst
        ]
        lines.append(
            {
                "view": name,
                "found": {fault or "right": counts[fault] for fault in ("", *FAULTS)},
                "for example": "".join(examples[:1]),
            }
        )
    return lines
