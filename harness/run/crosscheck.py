"""Numbers of metrics against those of other implementations, and against what they once were."""

from __future__ import annotations

import contextlib
import math
import sys
import warnings
from dataclasses import dataclass
from typing import Literal

from harness.registry import check_available, resolve
from harness.registry.plugins import describe
from harness.spec import Crosscheck, Unavailable

__all__ = ["Compared", "compare"]

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of a cross-check.

    Attributes:
        declared: the check.
        outcome: ``agree``; ``apart`` where the two differ by more than they may; ``drifted``
            where the number is not what it was; ``error`` where one could not be computed;
            ``unavailable`` where something is not here.
        canonical, second: the numbers, NaN where there is none.
        reason: why there is none; remedy: what to do about it.
    """

    declared: Crosscheck
    outcome: Literal["agree", "apart", "drifted", "error", "unavailable"]
    canonical: float = NAN
    second: float = NAN
    reason: str = ""
    remedy: str = ""

    @property
    def difference(self) -> float:
        """How much larger the second is, beyond what its convention makes it."""
        return _gap(self.canonical, self.second, self.declared.apart)

    @property
    def drift(self) -> float:
        """How much larger the number is than when the check was written."""
        return _gap(self.declared.pinned, self.canonical)


def compare(declared: Crosscheck) -> Compared:
    """Compute both numbers and hold them against each other and against the pinned one.

    What the packages print goes to standard error, and their warnings nowhere.
    """
    try:
        check_available(declared, declared.params)
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            canonical, second = (
                float(resolve(ref)(**declared.params))
                for ref in (declared.canonical, declared.second)
            )
    except Unavailable as error:
        return Compared(
            declared=declared, outcome="unavailable", reason=error.reason, remedy=error.remedy
        )
    except Exception as error:  # noqa: BLE001 - a package may raise anything
        return Compared(declared=declared, outcome="error", reason=describe(error))
    found = Compared(declared=declared, outcome="agree", canonical=canonical, second=second)
    if not abs(found.difference) <= declared.between:
        return Compared(declared=declared, outcome="apart", canonical=canonical, second=second)
    if not abs(found.drift) <= declared.drift:
        return Compared(declared=declared, outcome="drifted", canonical=canonical, second=second)
    return found


def _gap(first: float, second: float, apart: float = 0.0) -> float:
    """Return second less first and what lies between them; 0 where both are the same infinity."""
    return 0.0 if first == second and math.isinf(first) else second - first - apart
