"""Causal models from the papers' equations, baselines and oracles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]

_HERE = "harness_plugins.causal_baselines"
_BREHMER = "Brehmer et al., Weakly supervised causal representation learning, NeurIPS 2022"
_ILCM_URL = "https://arxiv.org/abs/2203.16437"
# Every latent variable model has these; what they mean is in models.py.
_LATENT: Mapping[str, spec.Json] = {
    "latents": None,
    "steps": None,
    "restarts": 2,
    "batch": 256,
    "rate": 2e-3,
    "hidden": 64,
    "decoder_std": 0.05,
    "importance_samples": 20,
}


def _model(
    name: str,
    factory: str,
    summary: str,
    tag: str,
    params: Mapping[str, spec.Json] | None = None,
    paper: str = "",
    url: str = "",
) -> spec.Model:
    torch = factory.split(":", maxsplit=1)[0] in {"models", "supervised"}
    return spec.Model(
        name=name,
        family="causal",
        factory=f"{_HERE}.{factory}",
        params=params or {},
        tags=(tag,),
        summary=summary,
        licence="Apache-2.0",
        paper=paper,
        url=url,
        requires=("torch",) if torch else (),
        extra="causal",
    )


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        _model(
            "ilcm",
            "models:ImplicitModel",
            "implicit latent causal model: solution functions, no order, no graph",
            "causal-learned",
            _LATENT,
            _BREHMER,
            _ILCM_URL,
        ),
        _model(
            "elcm",
            "models:ExplicitModel",
            "explicit latent causal model: mechanisms on a learned graph",
            "causal-learned",
            {**_LATENT, "restarts": 4},
            _BREHMER,
            _ILCM_URL,
        ),
        _model(
            "dvae",
            "models:DisentanglementVAE",
            "independent latents, of which an intervention changes one",
            "causal-learned",
            _LATENT,
            "Locatello et al., Weakly-supervised disentanglement without compromises, ICML 2020",
            "https://arxiv.org/abs/2002.02886",
        ),
        _model(
            "beta_vae",
            "models:BetaVAE",
            "variational autoencoder, blind to pairs",
            "causal-learned",
            {**_LATENT, "beta": 1.0},
            "Higgins et al., beta-VAE, ICLR 2017",
            "https://openreview.net/forum?id=Sy2fzU9gl",
        ),
        _model(
            "linear_ica",
            "linear:ICA",
            "independent components by FastICA",
            "causal-linear",
            {"latents": None},
            "Hyvärinen, Fast and robust fixed-point algorithms for independent component "
            "analysis, 1999",
        ),
        _model("pca", "linear:PCA", "principal components", "causal-linear", {"latents": None}),
        _model(
            "supervised",
            "supervised:Supervised",
            "a network that is told the variables of the training pairs; privileged",
            "causal-privileged",
            {"steps": 4000, "batch": 256, "rate": 2e-3, "hidden": 128},
        ),
        _model(
            "true_latents",
            "oracles:TrueLatents",
            "the true variables, graph and targets; privileged",
            "causal-privileged",
        ),
        _model(
            "true_noise",
            "oracles:TrueNoise",
            "the true noises: disentangled, not causal; privileged",
            "causal-privileged",
        ),
        _model(
            "rotated_latents",
            "oracles:RotatedLatents",
            "the true variables under a fixed rotation; privileged",
            "causal-privileged",
        ),
    ]
