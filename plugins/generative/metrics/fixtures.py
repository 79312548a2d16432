"""Features, pictures and networks for cross-checks: made from seeds, equal on any machine.

Random numbers are those of numpy's legacy generator, whose streams are frozen; pictures are the
codec family's.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness_plugins.codec.metrics import fixtures as codec
from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics.features import Floats

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "PROMPTS",
    "features",
    "in_transformers",
    "inception_state",
    "pictures",
    "tiny_clip",
    "write_archive",
]

PROMPTS = ("a red circle", "two dogs, one of them asleep", "ünïcödé and 3 digits: 1234")
TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2},
}


def features(n: int = 150, m: int = 200, d: int = 24) -> tuple[Floats, Floats]:
    """Return two sets of correlated features that lie apart, (n, d) and (m, d)."""
    random = np.random.RandomState(5)
    mix = random.normal(size=(d, d))
    return random.normal(size=(n, d)) @ mix + 0.3, 1.2 * random.normal(size=(m, d)) @ mix


def pictures() -> Images:
    """Return three pictures of 96 × 128: one, and it damaged in two ways."""
    image, noisy = codec.pair("noise", 96, 128)
    return Images.of(np.stack([image, noisy, codec.pair("blur", 96, 128)[1]]))


def tiny_clip(*, quick_gelu: bool) -> Any:
    """Return a small CLIP of open_clip with random weights that half precision holds exactly."""
    import open_clip  # type: ignore[import-untyped]
    import torch

    random = np.random.RandomState(3)
    model = open_clip.CLIP(**TINY, quick_gelu=quick_gelu).eval()
    for name, parameter in model.named_parameters():
        shape = tuple(parameter.shape)
        scale = 0.1 if len(shape) < 2 else 1.5 / np.sqrt(shape[-1])
        ones = len(shape) == 1 and name.endswith("weight")
        values = np.asarray(scale * random.normal(size=shape) + ones)
        parameter.data = torch.from_numpy(values).half().float()
    return model


def write_archive(state: dict[str, Tensor], path: Path) -> None:
    """Write a TorchScript archive as OpenAI's are: half precision, and three numbers besides."""
    import torch

    root = torch.nn.Module()
    for name, value in state.items():
        *folders, leaf = name.split(".")
        place = root
        for folder in folders:
            if not hasattr(place, folder):
                place.add_module(folder, torch.nn.Module())
            place = getattr(place, folder)
        place.register_parameter(leaf, torch.nn.Parameter(value.half(), requires_grad=False))
    for name, number in (("input_resolution", 32), ("context_length", 77), ("vocab_size", 49408)):
        root.register_buffer(name, torch.tensor(number))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.* is deprecated", FutureWarning)
        torch.jit.script(root).save(str(path))  # type: ignore[no-untyped-call]


def inception_state() -> dict[str, Tensor]:
    """Return random weights of the whole Inception of 2015, under the names of its file."""
    import torch

    from harness_plugins.generative.metrics.inception import trunk

    random = np.random.RandomState(4)
    state = {}
    for name, value in trunk().state_dict().items():
        shape = tuple(value.shape)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        elif name.endswith("running_var"):
            state[name] = torch.from_numpy(0.5 + random.rand(*shape)).float()
        elif len(shape) == 1:
            own = 0.1 * random.normal(size=shape) + name.endswith("weight")
            state[name] = torch.from_numpy(own).float()
        else:
            scale = np.sqrt(2 / np.prod(shape[1:]))
            state[name] = torch.from_numpy(random.normal(scale=scale, size=shape)).float()
    state["fc.weight"], state["fc.bias"] = torch.zeros(1008, 2048), torch.zeros(1008)
    return state


def in_transformers(model: Any, *, quick_gelu: bool) -> Any:
    """Return a small CLIP of open_clip as a ``CLIPModel``, its weights put where that has them."""
    from transformers import CLIPConfig, CLIPModel

    own = model.state_dict()
    layers = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2}
    layers |= {"num_attention_heads": 1, "hidden_act": "quick_gelu" if quick_gelu else "gelu"}
    config = CLIPConfig(
        text_config={**layers, "vocab_size": 49408, "eos_token_id": 49407},
        vision_config={**layers, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    both = ("weight", "bias")
    pairs = {
        "text_model.final_layer_norm": "ln_final",
        "vision_model.pre_layrnorm": "visual.ln_pre",
        "vision_model.post_layernorm": "visual.ln_post",
    }
    state = {
        "logit_scale": own["logit_scale"],
        "text_projection.weight": own["text_projection"].T,
        "visual_projection.weight": own["visual.proj"].T,
        "text_model.embeddings.token_embedding.weight": own["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": own["positional_embedding"],
        "vision_model.embeddings.class_embedding": own["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": own["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": own["visual.positional_embedding"],
    }
    for tower, source in (("text_model", ""), ("vision_model", "visual.")):
        for n in range(2):
            there, here = f"{tower}.encoder.layers.{n}", f"{source}transformer.resblocks.{n}"
            pairs |= {
                f"{there}.self_attn.out_proj": f"{here}.attn.out_proj",
                f"{there}.layer_norm1": f"{here}.ln_1",
                f"{there}.layer_norm2": f"{here}.ln_2",
                f"{there}.mlp.fc1": f"{here}.mlp.c_fc",
                f"{there}.mlp.fc2": f"{here}.mlp.c_proj",
            }
            for kind in both:
                thirds = own[f"{here}.attn.in_proj_{kind}"].chunk(3)
                for letter, third in zip("qkv", thirds, strict=True):
                    state[f"{there}.self_attn.{letter}_proj.{kind}"] = third
    state |= {f"{a}.{kind}": own[f"{b}.{kind}"] for a, b in pairs.items() for kind in both}
    network = CLIPModel(config).eval()
    network.load_state_dict(state)
    return network
