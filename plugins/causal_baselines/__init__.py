"""Causal models from the papers' equations, baselines and oracles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]

_HERE = "harness_plugins.causal_baselines"
_ILCM = "Brehmer et al., Weakly supervised causal representation learning, NeurIPS 2022"
_TRAINING: Mapping[str, spec.Json] = {
    "latents": None,
    "steps": 2400,
    "restarts": 2,
    "batch": 256,
    "rate": 2e-3,
    "hidden": 64,
    "decoder_std": 0.05,
    "images": 200_000,
}


def _model(
    name: str,
    factory: str,
    summary: str,
    paper: str,
    requires: tuple[str, ...],
    tags: tuple[str, ...],
    **params: spec.Json,
) -> spec.Model:
    return spec.Model(
        name=name,
        family="causal",
        factory=f"{_HERE}.{factory}",
        params=params,
        tags=tags,
        summary=summary,
        licence="Apache-2.0",
        paper=paper,
        requires=requires,
        extra="causal",
    )


def _trained(name: str, factory: str, summary: str, paper: str, **params: spec.Json) -> spec.Model:
    return _model(
        name, factory, summary, paper, ("torch",), ("learned",), **{**_TRAINING, **params}
    )


def _oracle(name: str, summary: str, gives: str) -> spec.Model:
    return _model(name, "references:Oracle", summary, "", (), ("oracle",), gives=gives)


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    sklearn = ("scikit-learn",)
    return [
        _trained(
            "ilcm",
            "models:LatentCausal",
            "implicit latent causal model: solution functions, the graph is what they depend on",
            _ILCM,
            mechanisms="implicit",
        ),
        _trained(
            "elcm",
            "models:LatentCausal",
            "explicit latent causal model: structural equations under a learned graph",
            _ILCM,
            mechanisms="explicit",
            restarts=4,
        ),
        _trained(
            "dvae",
            "models:LatentCausal",
            "disentanglement VAE on pairs: independent latents",
            "Locatello et al., Weakly-supervised disentanglement without compromises, ICML 2020",
            mechanisms="independent",
        ),
        _trained(
            "beta-vae",
            "models:BetaVae",
            "variational autoencoder of single observations",
            "Higgins et al., beta-VAE, ICLR 2017",
            beta=1.0,
        ),
        _model(
            "linear-ica",
            "references:Linear",
            "independent components (FastICA) of single observations",
            "Hyvarinen, IEEE Transactions on Neural Networks 10, 1999",
            sklearn,
            ("linear",),
            method="ica",
            latents=None,
        ),
        _model(
            "pca",
            "references:Linear",
            "whitened principal components of single observations",
            "",
            (),
            ("linear",),
            method="pca",
            latents=None,
        ),
        _model(
            "supervised",
            "references:Supervised",
            "perceptron trained on the true variables: for privileged rows",
            "",
            sklearn,
            ("oracle",),
            iterations=40,
        ),
        _oracle(
            "true-variables", "the true variables and graph: for privileged rows", "variables"
        ),
        _oracle(
            "true-noise",
            "the true noise encodings, disentangled and not causal: for privileged rows",
            "noise",
        ),
        _oracle(
            "rotated-variables", "the true variables, rotated: for privileged rows", "rotation"
        ),
    ]
