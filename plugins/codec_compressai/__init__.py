"""Neural image codecs of CompressAI: the networks of its zoo, and networks trained by others.

A model of the zoo needs its weights, one file per quality: ``harness weights pull NAME``. The
model ``compressai-checkpoint`` evaluates files of one's own; a suite names them with their
digests, which are part of every key::

    models:
      - name: compressai-checkpoint
        label: ours
        params:
          architecture: mbt2018-mean
          checkpoints:
            - {path: /experiments/lambda-0.013.pth.tar, sha256: 5f0c…}
            - {path: /experiments/lambda-0.025.pth.tar, sha256: 91aa…}
        points: {quality: [1, 2]}
"""

from __future__ import annotations

from typing import Any

from harness import Model, hookimpl
from harness.spec import SuiteFile
from harness_plugins.codec_compressai.weights import ZOO, model_name
from harness_suites import shipped

__all__: list[str] = []

_HERE = "harness_plugins.codec_compressai"
_BALLE = "Ballé et al., Variational image compression with a scale hyperprior, ICLR 2018"
_MINNEN = (
    "Minnen et al., Joint autoregressive and hierarchical priors for learned image compression, "
    "NeurIPS 2018"
)
_CHENG = (
    "Cheng et al., Learned image compression with discretized Gaussian mixture likelihoods and "
    "attention modules, CVPR 2020"
)
# architecture: paper, its page, what it is
_ABOUT = {
    "bmshj2018-factorized": (_BALLE, "1802.01436", "factorized prior"),
    "bmshj2018-hyperprior": (_BALLE, "1802.01436", "scale hyperprior"),
    "mbt2018-mean": (_MINNEN, "1809.02736", "mean and scale hyperprior"),
    "mbt2018": (_MINNEN, "1809.02736", "hyperprior and autoregressive context model"),
    "cheng2020-anchor": (_CHENG, "2001.01568", "residual blocks, autoregressive context model"),
    "cheng2020-attn": (_CHENG, "2001.01568", "attention, autoregressive context model"),
}
_COMMON: dict[str, Any] = {
    "family": "codec",
    "requires": ("compressai>=1.2.6", "torch>=2.6"),
    "extra": "codec",
    "licence": "BSD-3-Clause-Clear",
}


def _zoo_model(architecture: str, metric: str) -> Model:
    paper, number, summary = _ABOUT[architecture]
    files = ZOO[architecture, metric]
    return Model(
        name=model_name(architecture, metric),
        factory=f"{_HERE}.zoo:{architecture.replace('-', '_')}",
        skeleton=f"{_HERE}.zoo:{architecture.replace('-', '_')}_skeleton",
        params={"metric": metric},
        points={"quality": tuple(range(1, len(files) + 1))},
        tags=("neural",) if metric == "mse" else ("neural-ms-ssim",),
        summary=f"{summary}; trained for {metric.upper()} by CompressAI",
        paper=paper,
        url=f"https://arxiv.org/abs/{number}",
        weights=files,
        **_COMMON,
    )


@hookimpl
def harness_models() -> list[Model]:
    checkpoint = Model(
        name="compressai-checkpoint",
        factory=f"{_HERE}.zoo:checkpoint",
        check=f"{_HERE}.checkpoints:check",
        params={"architecture": "bmshj2018-hyperprior", "checkpoints": []},
        points={"quality": (1,)},
        summary="networks of your own: params architecture, checkpoints [{path, sha256}, …]",
        paper="Bégaint et al., CompressAI, 2020",
        url="https://github.com/InterDigitalInc/CompressAI",
        **_COMMON,
    )
    return [*(_zoo_model(*key) for key in ZOO), checkpoint]


@hookimpl
def harness_suites() -> list[SuiteFile]:
    return shipped("kodak-neural")
