"""What the board draws besides the table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["memory_over_run"]


def memory_over_run(memory: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the memory at each percent of the run, in MiB: float64 (101,).

    Graphs differ in their number of ops, so place k is the op that runs when k percent of the
    ops have run; the last op stands at the end too.

    Args:
        memory: (ops,) bytes in memory while each op runs, as the stage ``replay`` leaves it.
    """
    places = np.minimum(np.arange(101) * memory.size // 100, memory.size - 1)
    return memory[places] / 2**20
