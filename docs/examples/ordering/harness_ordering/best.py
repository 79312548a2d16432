"""The best peak known of each traced graph, and how to search for it anew.

``python -m harness_ordering.best FOLDER [NAME…]`` searches longer than any model of this package
does, for the graphs in ``FOLDER``, and writes ``FOLDER/best.json``. It holds for each graph

``peak``
    bytes, the lowest found by any search so far
``proven``
    whether it is proven that no order needs less
``bound``
    bytes that every order needs; equal to ``peak`` where that is proven
``by``
    the search that found it, or that found where to start from
``order``
    an order of that peak: anybody can check it
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness_ordering.exact import least_peak
from harness_ordering.graph import Graph, peak_of
from harness_ordering.schedulers import BeamSearch, RandomOrder

__all__ = ["GRAPHS", "best_known", "search"]

GRAPHS = Path(__file__).with_name("graphs")
_STATES = 200_000
_WIDTHS = (64, 256, 1024)
_DRAWS = 1000


@cache
def best_known() -> Mapping[str, Mapping[str, Any]]:
    """Return what is known of the best peak, by the name of the graph."""
    found: Mapping[str, Mapping[str, Any]] = json.loads((GRAPHS / "best.json").read_bytes())
    return found


def search(graph: Graph) -> dict[str, Any]:
    """Search for the best order: exactly, and where that proves nothing by all other means."""
    found, by = least_peak(graph, _STATES), "exact"
    for name, order in () if found.proven else _orders(graph):
        if peak_of(graph, order) < found.peak:
            found, by = least_peak(graph, _STATES, [order]), name
    return {
        "peak": found.peak,
        "proven": found.proven,
        "bound": found.bound,
        "by": by,
        "order": list(found.order),
    }


def _orders(graph: Graph) -> Iterator[tuple[str, list[int]]]:
    for width in _WIDTHS:
        yield f"beam of {width}", BeamSearch(width).order(graph, 0)
    for seed in range(_DRAWS):
        yield f"random, seed {seed}", RandomOrder().order(graph, seed)


def main(folder: str, *names: str) -> None:
    """Search anew for the graphs in ``folder``, all or those named, and keep what is best."""
    root = Path(folder)
    file = root / "best.json"
    known = json.loads(file.read_bytes()) if file.exists() else {}
    for path in sorted(root.glob("*/*.json")):
        graph = Graph.from_json(path.read_bytes())
        if names and graph.name not in names:
            continue
        known[graph.name] = found = search(graph)
        proof = "proven" if found["proven"] else f"at least {found['bound']} are needed"
        print(f"{graph.name}: {found['peak']} bytes ({proof}), by {found['by']}", flush=True)
    lines = (f"{json.dumps(n)}: {json.dumps(known[n])}" for n in sorted(known))
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
