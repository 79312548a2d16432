"""Trace the graphs of this package anew: ``python -m harness_ordering.trace FOLDER [NAME…]``.

Needs torch and torchvision (``pip install "harness-ordering[trace]"``), no weights, and no
memory to speak of: shapes alone are propagated. *inference* is a forward pass in evaluation
mode. *training* is one step: forward pass, cross-entropy loss, backward pass, and one SGD update
for each parameter, which reads its gradient. All is float32 with a batch of one.

How a trace in ATen operators becomes a graph:

* Parameters and buffers are no tensors of the graph, and neither is what is computed from them
  alone. What a training step writes back to buffers (running statistics) has 0 bytes.
* A view shares the memory of what it views: it is no op, and who reads it reads the original.
* What nothing reads, and is no output, is left out with the ops that only make that.
* An SGD update writes 0 bytes, in place of its parameter, and is an output of the graph.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import fx
from torch._functorch.aot_autograd import aot_export_module  # joint graphs have no other road
from torch._subclasses import FakeTensorMode
from torchvision.models import get_model

from harness_ordering.graph import Graph

__all__ = ["INFERENCE", "TRAINING", "trace"]

_PICTURE = (1, 3, 224, 224)
_CLIP = (1, 3, 16, 224, 224)
_FRAMES = ((1, 3, 256, 256), (1, 3, 256, 256))

# name in torchvision → shapes of the inputs
INFERENCE: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "resnet18": (_PICTURE,),
    "googlenet": (_PICTURE,),
    "inception_v3": ((1, 3, 299, 299),),
    "densenet121": (_PICTURE,),
    "shufflenet_v2_x1_0": (_PICTURE,),
    "mobilenet_v3_large": (_PICTURE,),
    "efficientnet_b0": (_PICTURE,),
    "regnet_y_400mf": (_PICTURE,),
    "vit_b_16": (_PICTURE,),
    "swin_t": (_PICTURE,),
    "swin3d_t": (_CLIP,),
    "mvit_v2_s": (_CLIP,),
    "raft_small": _FRAMES,
    "raft_large": _FRAMES,
}
TRAINING: Mapping[str, tuple[tuple[int, ...], ...]] = {
    name: INFERENCE[name]
    for name in (
        "resnet18",
        "googlenet",
        "densenet121",
        "shufflenet_v2_x1_0",
        "mobilenet_v3_large",
        "efficientnet_b0",
        "regnet_y_400mf",
        "vit_b_16",
        "swin_t",
    )
}


def trace(mode: str, name: str) -> Graph:
    """Return the graph of a torchvision model.

    Args:
        mode: ``"inference"`` or ``"training"``.
        name: a key of ``INFERENCE`` or ``TRAINING``.
    """
    more = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    model = get_model(name, weights=None, **more)
    if mode == "inference":
        return _inference(f"inference/{name}", model, INFERENCE[name])
    return _training(f"training/{name}", model, TRAINING[name])


def _inference(name: str, model: torch.nn.Module, shapes: Iterable[tuple[int, ...]]) -> Graph:
    inputs = tuple(torch.empty(shape, device="meta") for shape in shapes)
    exported = torch.export.export(model.eval().to("meta"), inputs).run_decompositions()
    signature = exported.graph_signature
    if signature.buffers_to_mutate:
        raise ValueError(f"{name}: the forward pass changes buffers")
    return _Trace(set(signature.user_inputs)).graph(name, exported.graph, lambda _: "output")


def _training(name: str, model: torch.nn.Module, shapes: Iterable[tuple[int, ...]]) -> Graph:
    class Loss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, label: torch.Tensor, *inputs: torch.Tensor) -> tuple[torch.Tensor]:
            found = self.model(*inputs)
            heads = found if isinstance(found, tuple) else (found,)  # GoogLeNet has three
            first, *others = (torch.nn.functional.cross_entropy(h, label) for h in heads)
            return (sum((0.3 * other for other in others), first),)

    fake, loss = FakeTensorMode(), Loss().train()
    for module in loss.modules():
        for key, value in module.named_parameters(recurse=False):
            setattr(module, key, torch.nn.Parameter(fake.from_tensor(value.detach())))
        for key, value in module.named_buffers(recurse=False):
            setattr(module, key, fake.from_tensor(value))
    with fake:
        inputs = tuple(torch.empty(shape) for shape in shapes)
        label = torch.zeros(inputs[0].shape[0], dtype=torch.int64)
        joint, signature = aot_export_module(
            loss, (label, *inputs), trace_joint=True, output_loss_index=0
        )
    backward = signature.backward_signature
    roles = dict.fromkeys(signature.buffers_to_mutate, "state")
    roles |= dict.fromkeys(backward.gradients_to_parameters, "gradient")
    return _Trace(set(signature.user_inputs)).graph(
        name, joint.graph, lambda output: roles.get(output, "output")
    )


@dataclass(slots=True)
class _Trace:
    """A graph while it is being made.

    Attributes:
        inputs: names of the placeholders that are graph inputs; the others are parameters.
        tensors: of each node, its tensors; none for parameters and what is made of them alone.
    """

    inputs: set[str]
    kinds: list[str] = field(default_factory=list)
    reads: list[list[int]] = field(default_factory=list)
    writes: list[list[int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    tensors: dict[fx.Node, list[int]] = field(default_factory=dict)

    def graph(self, name: str, traced: fx.Graph, role: Callable[[str], str]) -> Graph:
        """Return a traced graph as a graph of this package.

        Args:
            name: of the graph.
            traced: in ATen operators.
            role: what an output is, by the name of its node: ``"output"``, ``"gradient"`` or
                ``"state"``.
        """
        for node in traced.nodes:
            if node.op == "placeholder":
                counts = node.name in self.inputs
                self.tensors[node] = self._new([_bytes(node.meta["val"])] if counts else [])
            elif node.op == "call_function":
                self.tensors[node] = self._call(node)
            elif node.op == "output":
                for output in node.all_input_nodes:
                    self._output(self.tensors[output], role(output.name))
            else:
                self.tensors[node] = []
        return self._pruned(name)

    def _new(self, sizes: Iterable[int]) -> list[int]:
        """Return the numbers of new tensors of these sizes."""
        first = len(self.sizes)
        self.sizes += sizes
        return list(range(first, len(self.sizes)))

    def _call(self, node: fx.Node) -> list[int]:
        if node.target is operator.getitem:
            source: fx.Node = node.args[0]  # type: ignore[assignment]
            place: int = node.args[1]  # type: ignore[assignment]
            found = self.tensors[source]
            many = len(found) > 1  # a view of several parts is one tensor
            return found[place : place + 1] if many else found
        read = sorted({t for n in node.all_input_nodes for t in self.tensors[n]})
        if not read:
            return []
        target: Any = node.target
        returns = target._schema.returns  # noqa: SLF001 - the schema has no other door
        if any(r.alias_info is not None and r.alias_info.is_write for r in returns):
            raise ValueError(f"{target} works in place: the trace is not functional")
        if any(r.alias_info is not None for r in returns):
            return self.tensors[node.all_input_nodes[0]]
        value = node.meta["val"]
        values = value if isinstance(value, (tuple, list)) else [value]
        return self._op(target.overloadpacket.__name__, read, map(_bytes, values))

    def _op(self, kind: str, reads: list[int], sizes: Iterable[int]) -> list[int]:
        self.kinds.append(kind)
        self.reads.append(reads)
        self.writes.append(self._new(sizes))
        return self.writes[-1]

    def _output(self, tensors: list[int], role: str) -> None:
        if role == "gradient":
            self.outputs += self._op("sgd_update", tensors, [0])
            return
        if role == "state":
            for tensor in tensors:
                self.sizes[tensor] = 0
        self.outputs += tensors

    def _pruned(self, name: str) -> Graph:
        """Return the graph without what nothing reads, tensors numbered anew."""
        wanted, kept = set(self.outputs), []
        for op in reversed(range(len(self.kinds))):
            if wanted.intersection(self.writes[op]):
                wanted.update(self.reads[op])
                kept.append(op)
        kept.reverse()
        number = {t: n for n, t in enumerate(sorted(wanted))}
        return Graph(
            name=name,
            ops=tuple(self.kinds[op] for op in kept),
            reads=tuple(tuple(number[t] for t in self.reads[op]) for op in kept),
            writes=tuple(tuple(number[t] for t in self.writes[op] if t in wanted) for op in kept),
            sizes=tuple(self.sizes[t] for t in sorted(wanted)),
            outputs=tuple(sorted({number[t] for t in self.outputs})),
        )


def _bytes(value: torch.Tensor | None) -> int:
    """Return the size of what an operator returns; an output that was not asked for is None."""
    return 0 if value is None else value.numel() * value.element_size()


def main(folder: str, *names: str) -> None:
    """Write the graphs to ``folder/inference`` and ``folder/training``."""
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    for mode, models in (("inference", INFERENCE), ("training", TRAINING)):
        for name in models:
            if names and f"{mode}/{name}" not in names:
                continue
            graph = trace(mode, name)
            shapes = " ".join("x".join(map(str, shape)) for shape in models[name])
            path = Path(folder) / mode / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(graph.to_json(inputs=shapes, **versions))
            print(f"{graph.name}: {len(graph.ops)} ops")


if __name__ == "__main__":
    main(*sys.argv[1:])
