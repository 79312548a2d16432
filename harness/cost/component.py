"""What a model says it is made of, and what measures it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.spec import Json

__all__ = ["Bench", "Component", "HasComponents", "NotMeasuredError", "PairsBench", "Run"]


class NotMeasuredError(Exception):
    """There is nothing to measure: the node ends ``skipped``, with the message as its reason."""

    outcome = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a model, and how an evaluation of one item runs it.

    Attributes:
        name: the plugin's own, e.g. ``"g_s"``; unique within the model.
        module: a ``torch.nn.Module``; or any callable, for work that is no module (entropy
            coding, a whole ``decode``), which has a time on this machine and no MACs. Spans that
            it marks (:func:`harness.span`) are timed as its parts.
        inputs: its positional arguments for the item: tensors as the model gets them, or shapes
            (tuples of ints: float32) where the structure alone is known.
        step: the step of the evaluation that runs it, e.g. ``"encode"`` or ``"decode"``. Sums are
            made over steps, so what contains another component must not share its step.
        calls: how often it runs for one item, e.g. the steps of a sampler.
        output: what it returns in the family's words, e.g. ``"reconstruction"``, where quality
            can be scored from it.
    """

    name: str
    module: Callable[..., Any]
    inputs: Sequence[Any]
    step: str = ""
    calls: int = 1
    output: str = ""


class HasComponents(Protocol):
    """A model that names its modules."""

    def components(self, item: Any, point: Mapping[str, Json]) -> Sequence[Component]:
        """Return what an evaluation of ``item`` at ``point`` runs.

        Args:
            item: the task's item, as ``dataset.load`` returned it.
            point: the operating point.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a device made of the components.

    Attributes:
        record: plain JSON, see :func:`harness.cost.stages.device`.
        outputs: float32 arrays by component, as the device returned them, and by
            ``"NAME|host"`` what torch in float32 on this machine makes of the same inputs.
    """

    record: Mapping[str, Any]
    outputs: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


class Bench(Protocol):
    """A device as its factory makes it: runs components and measures."""

    def measure(self, components: Sequence[Component]) -> Run:
        """Run every component of a model that it can.

        Raises:
            NotMeasuredError: it can run none of them.
            Unavailable: the device cannot be had here.
        """


class PairsBench(Bench, Protocol):
    """A device that can also time two models alternately."""

    def compare(
        self, first: Sequence[Component], second: Sequence[Component]
    ) -> Mapping[str, Any]:
        """Return ``device_pairs``: see :func:`harness.cost.stages.pair`.

        Raises:
            NotMeasuredError: it can run none of the components.
        """
