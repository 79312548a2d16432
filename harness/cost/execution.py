"""Run a module on torch's meta device and show every operator it calls.

Under ``torch.inference_mode`` operators made of others (``linear``, ``matmul``, ``lstm``) reach
a dispatch mode before they are taken apart, so an observer knows what the model's code asked for
and not only what it became.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten_with_path, tree_leaves, tree_map_only

__all__ = [
    "Call",
    "Observer",
    "as_inputs",
    "has_lazy",
    "run",
    "shapes_of",
    "storage_key",
    "without_weights",
]

# One kernel on CPU and CUDA, but no kernel on meta, where torch would fall back to its parts.
_FUSED = frozenset({"aten::scaled_dot_product_attention"})


class Call:
    """One operator as it ran.

    Attributes:
        name: the operator without its overload, e.g. ``aten::mm``.
        operator: torch's ``OpOverload``.
        packet: torch's ``OpOverloadPacket``, the operator with all its overloads.
        schema: names and defaults of its arguments.
        args, kwargs: its arguments.
        out: its result.
        outer: names of the operators it is a part of, outermost first.
        modules: qualified names of the submodules around it, outermost first.
        module: the innermost of them.
    """

    __slots__ = (
        "args",
        "kwargs",
        "module",
        "modules",
        "name",
        "operator",
        "out",
        "outer",
        "packet",
        "schema",
    )

    def __init__(
        self,
        operator: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        outer: tuple[str, ...],
        modules: list[tuple[str, torch.nn.Module]],
    ) -> None:
        self.schema = _schema(operator)
        self.name: str = self.schema.name
        self.packet = operator._overloadpacket  # noqa: SLF001 - torch has no public name
        self.operator, self.args, self.kwargs, self.out = operator, args, kwargs, out
        self.outer = outer
        self.modules = [name for name, _ in modules]
        self.module = modules[-1][1] if modules else None


class Observer(Protocol):
    """What watches a run."""

    def began(self, module: torch.nn.Module) -> None:
        """Note the module as it runs: the one given, or its copy on meta."""

    def entered(self, call: Call) -> None:
        """Note an operator made of others, before its parts run (``out`` is None)."""

    def ran(self, call: Call) -> None:
        """Note an operator that is not taken apart, after it ran."""


class Tracer(TorchDispatchMode):
    """Tell ``observer`` of every operator; bring host tensors to meta where both meet."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer
        self.modules: list[tuple[str, torch.nn.Module]] = []
        self._outer: tuple[str, ...] = ()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        args, kwargs = _lift(func, args, kwargs)
        name = _schema(func).name
        if name not in _FUSED and func._can_decompose():  # noqa: SLF001
            self.observer.entered(Call(func, args, kwargs, None, self._outer, self.modules))
            before, self._outer = self._outer, (*self._outer, name)
            try:
                with self:
                    out = func.decompose(*args, **kwargs)
            finally:
                self._outer = before
            if out is not NotImplemented:
                return out
        out = func(*args, **kwargs)
        self.observer.ran(Call(func, args, kwargs, out, self._outer, self.modules))
        return out


def _schema(operator: Any) -> Any:
    return operator._schema  # noqa: SLF001 - torch has no public name


def storage_key(tensor: torch.Tensor) -> int:
    """Return what tells the tensor's storage from all others alive."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - torch has no public name


def has_lazy(module: torch.nn.Module) -> bool:
    """Return whether some layer waits for its first call to know its shape."""
    mixin = torch.nn.parameter.UninitializedTensorMixin
    return any(isinstance(t, mixin) for t in [*module.parameters(), *module.buffers()])


def _lift(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Bring tensors that a model made on the host to meta where an operator mixes both.

    Values of the host stay readable until then, so a table computed in ``forward`` may steer it.
    """
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    if len({t.device.type == "meta" for t in tensors}) < 2:
        return args, kwargs
    if _schema(func).is_mutable and tensors[0].device.type != "meta":
        raise RuntimeError(f"{_schema(func).name} writes the input's values into a host tensor")
    moved: tuple[tuple[Any, ...], dict[str, Any]] = tree_map_only(
        torch.Tensor, lambda t: t.to("meta"), (args, kwargs)
    )
    return moved


def as_inputs(value: Any) -> Any:
    """Return ``value`` with tensors on meta; a tuple of ints is the shape of a float32 tensor."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("meta")
    if isinstance(value, tuple) and value and all(type(n) is int for n in value):
        if min(value) < 1:
            raise ValueError(f"input shape {_times(value)}: every size must be at least 1")
        return torch.empty(value, device="meta")
    if isinstance(value, Mapping):
        return {key: as_inputs(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        found = [as_inputs(one) for one in value]
        return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
    return value


def shapes_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input tensor by its position or name, e.g. ``{"0": (1, 3)}``."""
    found: dict[str, tuple[int, ...]] = {}
    for tree in (tuple(args), dict(kwargs)):
        for path, leaf in tree_flatten_with_path(tree)[0]:
            if isinstance(leaf, torch.Tensor):
                keys = (getattr(k, "idx", getattr(k, "key", k)) for k in path)
                found[".".join(str(k) for k in keys)] = tuple(leaf.shape)
    return found


def run(
    module: torch.nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], observer: Observer
) -> None:
    """Call ``module`` on meta, in eval mode, with inputs of ``as_inputs``; leave it as it was.

    Raises:
        ValueError: in one line, where it cannot run on meta or does not take these inputs.
    """
    name = type(module).__name__
    if isinstance(module, torch.jit.ScriptModule):
        message = f"{name}: TorchScript hides its operators; give the module it came from"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for all it cannot run
    tracer = Tracer(observer)
    try:
        on_meta = _on_meta(module)
        observer.began(on_meta)
        with _eval(on_meta), _names(on_meta, tracer), torch.inference_mode(), tracer:
            on_meta(*args, **kwargs)
    except Exception as error:
        raise ValueError(_reason(name, error, shapes_of(args, kwargs))) from error


class without_weights(TorchFunctionMode):  # noqa: N801 - used as a function
    """Build modules whose weights take no memory: inside, ``torch.empty`` is on meta.

    For constructors that compute with tensors and so cannot run under ``torch.device("meta")``.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def _on_meta(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module itself where all of it is on meta, or else a copy without any data."""
    tensors = [*module.parameters(), *module.buffers()]
    if has_lazy(module):
        raise RuntimeError("lazy layers have no shape before their first call")
    if all(t.device.type == "meta" for t in tensors):
        return module
    memo: dict[int, Any] = {id(t): t.detach().to("meta") for t in module.buffers()}
    for parameter in module.parameters():
        memo[id(parameter)] = torch.nn.Parameter(
            parameter.detach().to("meta"), requires_grad=False
        )
    for part in module.modules():
        plain = {k: v for k, v in vars(part).items() if not k.startswith("_")}
        for leaf in tree_leaves(plain):
            if isinstance(leaf, torch.Tensor):
                memo.setdefault(id(leaf), leaf)
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:
        raise RuntimeError(f"it cannot be copied without its data: {error}") from error


@contextmanager
def _eval(module: torch.nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def _names(module: torch.nn.Module, tracer: Tracer) -> Iterator[None]:
    """Keep ``tracer.modules`` the submodules whose ``forward`` is running."""
    handles = []
    for name, part in module.named_modules():

        def enter(part: torch.nn.Module, _inputs: Any, name: str = name) -> None:
            tracer.modules.append((name, part))

        def leave(_part: torch.nn.Module, _inputs: Any, _out: Any) -> None:
            tracer.modules.pop()

        handles.append(part.register_forward_pre_hook(enter))
        handles.append(part.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _times(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape)


def _reason(name: str, error: Exception, shapes: Mapping[str, tuple[int, ...]]) -> str:
    text = " ".join(str(error).split())[:240] or type(error).__name__
    at = ", ".join(_times(shape) for shape in shapes.values()) or "no tensors"
    values = isinstance(error, NotImplementedError) or any(
        word in text.lower()
        for word in ("meta", "data-dependent", "data dependent", "host tensor")
    )
    if values:
        return f"{name} cannot run on the meta device, its work depends on values: {text}"
    return f"{name} does not run with inputs {at}: {text}"
