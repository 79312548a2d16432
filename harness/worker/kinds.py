"""The kinds of artifacts: how a value becomes bytes, and bytes the value again.

Standard library at import, and no state: workers keep artifacts with it, boards read them.
"""

from __future__ import annotations

import importlib
import io
import json
import reprlib
from typing import Any

__all__ = ["Refused", "dump", "find", "load"]


class Refused(Exception):  # noqa: N818 - it carries an outcome
    """A call that ends in another outcome than an error of the model's code."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


def find(ref: str) -> Any:
    """Import the object that ``"package.module:attribute"`` names."""
    module, _, attribute = ref.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load(kind: str, data: bytes) -> Any:
    """Return the value of an artifact of a kind, as ``harness.spec.Artifact`` lists them."""
    if kind == "bytes":
        return data
    if kind == "json":
        return json.loads(data)
    if kind in ("array", "arrays"):
        import numpy as np

        found = np.load(io.BytesIO(data), allow_pickle=False)
        if kind == "array":
            return found
        with found:
            return dict(found)
    return find(kind).load(data)


def dump(kind: str, value: Any) -> bytes:
    """Return the bytes of a value.

    Raises:
        Refused: it is none of this kind; the outcome is ``invalid``.
    """
    if kind == "bytes":
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise Refused("invalid", f"expected bytes, got {type(value).__name__}")
        return bytes(value)
    if kind == "json":
        try:
            return json.dumps(value, sort_keys=True).encode()
        except (TypeError, ValueError) as error:
            raise Refused("invalid", f"expected plain JSON data: {error}") from None
    if kind == "array":
        return _dump_array(value)
    if kind == "arrays":
        return _dump_arrays(value)
    dumped: bytes = find(kind).dump(value)
    return dumped


def _dump_array(value: Any) -> bytes:
    import numpy as np

    array = np.ascontiguousarray(value)
    if array.dtype.hasobject:
        raise Refused("invalid", f"expected an array, got {type(value).__name__}")
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _dump_arrays(value: Any) -> bytes:
    """Write a dict of arrays as .npz: equal arrays are equal bytes, for its dates are fixed."""
    import numpy as np

    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise Refused("invalid", f"expected a dict of arrays, got {reprlib.repr(value)}")
    arrays = {name: np.asarray(value[name], order="C") for name in sorted(value)}
    wrong = [name for name, array in arrays.items() if array.dtype.hasobject]
    if wrong:
        raise Refused("invalid", f"{wrong[0]!r} is no array: {reprlib.repr(value[wrong[0]])}")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
