"""DCI: the fast weights of latents against scikit-learn's default gradient boosting.

Prints CPU seconds of both on one thread, their ratio and both disentanglements, at 16 and at 6
variables (``--quick``: at 6 only), each learned from 10,000 rows; exits with 1 where a bar is
missed.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import time

import numpy as np

from harness_plugins.causal.metrics import dci, importance

ROWS = 20_000  # half of them are learned from
BARS = {16: 20.0, 6: 15.0}  # how many times faster
CLOSE = 0.01


def mildly_mixed(d: int):
    """Return normal variables and a code that mixes each with a little of the others."""
    rng = np.random.default_rng(d)
    z = rng.normal(size=(ROWS, d))
    return z, np.tanh(z @ (np.eye(d) + 0.1 * rng.normal(size=(d, d))) / 2)


def measure(weigh, inputs):
    """Return the disentanglement and the CPU seconds it took."""
    start = time.process_time()
    (found,) = weigh(None, inputs, {}, 0).values()
    return dci.disentanglement()(found), time.process_time() - start


def main() -> int:
    """Measure both and compare with the bars."""
    missed = 0
    measure(importance.weigh, _inputs(2))  # imports
    for d in (6,) if "--quick" in sys.argv[1:] else (16, 6):
        inputs = _inputs(d)
        fast, fast_s = measure(importance.weigh, inputs)
        reference, reference_s = measure(importance.weigh_reference, inputs)
        ratio = reference_s / fast_s
        missed += ratio < BARS[d] or abs(fast - reference) > CLOSE
        print(
            f"d = {d}, 10,000 rows: LightGBM {fast_s:.2f} s, D {fast:.4f}; "
            f"gradient boosting {reference_s:.2f} s, D {reference:.4f}; "
            f"{ratio:.1f}x faster (bar {BARS[d]:g}), |D - D| {abs(fast - reference):.4f} "
            f"(bar {CLOSE:g})",
            flush=True,
        )
    return int(missed > 0)


def _inputs(d: int):
    z, codes = mildly_mixed(d)
    return {"truth": {"z": z}, "codes": {"before": codes}}


if __name__ == "__main__":
    sys.exit(main())
