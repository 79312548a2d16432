"""Transform-coding networks of Zhu et al., Transformer-based transform coding, ICLR 2022.

Convolutional or Swin-transformer transforms, with a hyperprior alone or with a channel-wise
autoregressive context model, in the paper's middle size. Their authors published neither weights
nor code, so the modules are written from the paper's description and their weights are random:
what they cost, and the time they take on a device, stand on the board; quality is unavailable.
"""

from __future__ import annotations

from harness import Model, hookimpl

__all__: list[str] = []

_HERE = "harness_plugins.codec_transform.codec"
_MODELS = {
    "conv-hyperprior": "convolutional transforms, hyperprior",
    "conv-charm": "convolutional transforms, hyperprior, channel-wise autoregressive context",
    "swint-hyperprior": "Swin-transformer transforms, hyperprior",
    "swint-charm": "Swin-transformer transforms, hyperprior, channel-wise autoregressive context",
}


@hookimpl
def harness_models() -> list[Model]:
    return [
        Model(
            name=name,
            family="codec",
            factory=f"{_HERE}:{name.replace('-', '_')}",
            skeleton=f"{_HERE}:{name.replace('-', '_')}_skeleton",
            params={"seed": 0},
            tags=("transform",),
            summary=f"{summary}; untrained, for its cost",
            paper="Zhu, Yang and Cohen, Transformer-based transform coding, ICLR 2022",
            url="https://openreview.net/forum?id=IDwN6xjHnK8",
            licence="Apache-2.0",
            requires=("torch>=2.6",),
            extra="codec",
        )
        for name, summary in _MODELS.items()
    ]
