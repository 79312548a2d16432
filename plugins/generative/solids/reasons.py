"""What is wrong with the views of a block, by view, for the board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness_plugins.generative.solids.checker import FAULTS
from harness_plugins.generative.solids.hexaview import VIEWS

__all__ = ["reasons_by_view"]


def reasons_by_view(verdicts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a line for each view: the share that is right, faults, and the first of each."""
    lines = []
    for number, name in enumerate(VIEWS):
        views = [six[number] for six in verdicts["views"]]
        counts = Counter(view["fault"] for view in views)
        examples = {
            view["fault"]: f"“{prompt}”: {view['reason']}"
            for prompt, view in reversed(list(zip(verdicts["prompts"], views, strict=True)))
        }
        lines.append(
            {
                "view": name,
                "right": counts[""] / len(views),
                "found": {fault or "right": counts[fault] for fault in ("", *FAULTS)},
                "for example": "; ".join(examples[f] for f in FAULTS if f in examples),
            }
        )
    return lines
