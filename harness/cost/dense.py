"""The dense convention: each product is billed at its full shape, one MAC per multiplication."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from harness.cost.execution import Call, storage_key

__all__ = ["dense_macs", "is_free", "kind_of"]


def _attention(call: Call) -> int:
    query, key, value = call.args[:3]
    batches: int = math.prod(call.out.shape[:-2])
    return int(batches * query.shape[-2] * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


def _deformable(call: Call) -> int:
    weight = call.args[1]
    return int(call.out.numel() * math.prod(weight.shape[1:]))


# What torch's registry of FLOP formulas lacks. Deformable convolution: its products, without the
# bilinear sampling before them.
_FORMULAS: dict[str, Callable[[Call], int]] = {
    "aten::addbmm": lambda call: call.args[1].numel() * call.args[2].shape[-1],
    "aten::addmv": lambda call: call.args[1].numel(),
    "aten::dot": lambda call: call.args[0].numel(),
    "aten::mv": lambda call: call.args[0].numel(),
    "aten::scaled_dot_product_attention": _attention,
    "aten::vdot": lambda call: call.args[0].numel(),
    "torchvision::deform_conv2d": _deformable,
}

_CONVOLUTIONS = frozenset({"aten::convolution", "aten::_convolution"})
_PRODUCTS = frozenset(
    f"aten::{name}"
    for name in ("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot")
)
_RECURRENT = frozenset(
    f"aten::{name}"
    for name in (
        *("lstm", "gru", "rnn_tanh", "rnn_relu"),
        *("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"),
    )
)

# Not counted by convention: normalisation, reduction, pooling, softmax, interpolation, and what
# moves, makes, sorts or picks numbers; in place or not. Operators that torch tags as pointwise,
# views and factories are free too, and stand not here.
_FREE_NAMES = """
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training batch_norm
    _batch_norm_with_update native_layer_norm native_group_norm _fused_rms_norm
    mean sum amax amin max min var var_mean std std_mean prod cumsum cumprod logsumexp any all
    norm linalg_vector_norm argmax argmin aminmax count_nonzero median nanmean
    max_pool2d_with_indices max_pool3d_with_indices avg_pool1d avg_pool2d avg_pool3d
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d
    _softmax _log_softmax _safe_softmax glu hardswish
    upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact2d
    upsample_linear1d upsample_bilinear2d _upsample_bilinear2d_aa upsample_bicubic2d
    _upsample_bicubic2d_aa upsample_trilinear3d
    embedding index index_select gather take masked_select nonzero where index_put _unsafe_index
    scatter scatter_add index_add index_copy index_fill masked_scatter
    cat stack copy clone _to_copy fill zero lift lift_fresh lift_fresh_copy
    roll flip repeat constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d
    replication_pad1d replication_pad2d replication_pad3d tril triu sort topk
    empty_like zeros_like ones_like full_like rand_like randn_like randint_like
    new_empty new_zeros new_ones new_full new_empty_strided
    normal uniform bernoulli native_dropout multinomial
    bucketize searchsorted unique2 _unique2 one_hot pixel_shuffle pixel_unshuffle
    native_channel_shuffle channel_shuffle im2col col2im slice_scatter select_scatter
    diag_embed unsafe_split unsafe_split_with_sizes _local_scalar_dense equal _reshape_copy
    _unsafe_view resize set
    """
_FREE = frozenset(f"aten::{name}" for name in _FREE_NAMES.split())


def dense_macs(call: Call) -> int | None:
    """Return the MACs of an operator, None where there is no formula.

    The formulas are those of ``torch.utils.flop_counter``, two FLOP to the MAC, with those that it
    lacks; a formula that a plugin registers there counts too.
    """
    own = _FORMULAS.get(call.name)
    if own is not None:
        return own(call)
    formula = flop_registry.get(call.packet)
    if formula is None:
        return None
    return int(formula(*call.args, **call.kwargs, out_val=call.out)) // 2


def is_free(call: Call) -> bool:
    """Return whether the convention leaves the operator out, so that its lack means nothing."""
    operator = call.operator
    return (
        call.name.removesuffix("_") in _FREE
        or _is_pointwise(call)
        or torch.Tag.inplace_view in operator.tags
        or bool(operator.is_view)
        or call.name.startswith("prim::")
        or not any(isinstance(t, torch.Tensor) for t in tree_leaves((call.args, call.kwargs)))
    )


def _is_pointwise(call: Call) -> bool:
    tags = set(call.operator.tags)
    if call.name.startswith("aten::") and call.name.endswith("_"):
        # Of some operators torch tags only the form that is not in place: of gelu_, masked_fill_ …
        form = getattr(torch.ops.aten, call.name[len("aten::") : -1], None)
        tags.update(*(getattr(form, name).tags for name in form.overloads()) if form else ())
    return torch.Tag.pointwise in tags


def kind_of(call: Call, parameters: frozenset[int]) -> str:
    """Name the kind of a counted operator.

    Args:
        parameters: the module's parameters, by the address of their storage: a product with one
            is ``linear``, a product of two activations ``matmul``, or ``attention`` where it is
            ``torch.nn.MultiheadAttention`` that multiplies.
    """
    if not _RECURRENT.isdisjoint(call.outer):
        return "recurrent"
    if call.name in _CONVOLUTIONS:
        return "transposed convolution" if call.args[6] else "convolution"
    if call.name == "torchvision::deform_conv2d":
        return "deformable convolution"
    if "attention" in call.name:
        return "attention"
    if call.name not in _PRODUCTS:
        return "other"
    factors: list[Any] = [a for a in call.args if isinstance(a, torch.Tensor)][-2:]
    if "aten::linear" in call.outer or any(storage_key(t) in parameters for t in factors):
        return "linear"
    return "attention" if isinstance(call.module, torch.nn.MultiheadAttention) else "matmul"
