"""Keys of nodes: a digest of everything that can change a result, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["PROTOCOL", "canonical", "digest", "node_key"]

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
PROTOCOL = 1  # raised when the way of running stages changes their results


def canonical(data: Any) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, UTF-8, no NaN.

    Raises:
        ValueError: the data holds a NaN or an infinity.
    """
    return _encode(data).encode()


def digest(data: Any) -> str:
    """Return the sha256 of canonical JSON, in hex."""
    return hashlib.sha256(canonical(data)).hexdigest()


def node_key(prefix: str, inputs: Mapping[str, Any]) -> str:
    """Return the key of a node.

    Args:
        prefix: digest of what is fixed when the plan is made (see :mod:`harness.run.plan`).
        inputs: name to the digest of an input, or to the list of digests of many.
    """
    return hashlib.sha256(prefix.encode() + canonical(inputs)).hexdigest()
