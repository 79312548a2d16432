"""Devices, as plugins declare them and as suites use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.spec.words import Json, Ref

__all__ = ["Device", "DeviceKind", "DeviceUse"]

DeviceKind = Literal["measured-host", "measured-device", "simulated", "published", "predicted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a model runs and is measured.

    Attributes:
        kind: what its numbers are. Numbers of different kinds never stand in one column.
        factory: ``Ref`` to ``factory(folder: Path, **params) -> object`` with the interface that
            stages with ``devices`` ask for: :class:`harness.cost.Bench`. ``folder`` is kept
            between runs, and the device's own.
        params: defaults of the factory's keywords; a suite may override them, no others. The
            first one is meant by ``{NAME: VALUE}``.
        incidental: parameters that change no number (a budget, a deadline): part of no key, and
            of no column's name.
        check: ``Ref`` to a light ``check(**params) -> None`` that raises ``Unavailable``, or
            ``ValueError`` with one line for a parameter that cannot be (the nearest that can).
        hardware: ``Ref`` to a light ``hardware(**params) -> str`` for a device of this machine:
            what its numbers hold for; part of the keys.
        alone: whether nothing else of the suite may run while it measures.
        environment: names of variables that its worker may see of the user's environment, e.g.
            where a configuration lies, or a proxy; part of no key.
    """

    name: str
    kind: DeviceKind
    factory: Ref
    params: Mapping[str, Json] = field(default_factory=dict)
    incidental: tuple[str, ...] = ()
    check: Ref | None = None
    hardware: Ref | None = None
    alone: bool = False
    environment: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    extra: str = ""
    url: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUse:
    """A device as a suite uses it: its column is called ``label``."""

    device: Device
    params: Mapping[str, Json]
    label: str
