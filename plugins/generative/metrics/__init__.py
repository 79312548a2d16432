"""The metrics of the family, as declarations; what they compute stands in the files beside.

Metrics of sets compare features of generated images with those of a reference: (n, d) arrays, one
row for each image. Metrics of samples give a score to each.
"""

from __future__ import annotations

from dataclasses import replace

from harness.spec import Better, Metric, Resource
from harness_plugins.codec.metrics import METRICS as _OF_IMAGES
from harness_plugins.generative.metrics import weights
from harness_plugins.generative.metrics.no_reference import NO_REFERENCE, PYIQA

__all__ = [
    "ALIGNMENT",
    "NO_REFERENCE",
    "SETS",
    "edit_metrics",
    "pair_metrics",
    "set_metrics",
    "video_metrics",
]

_HERE = "harness_plugins.generative.metrics"
_INFINITE = float("inf")
_CLIP_NEEDS = ("open_clip_torch", "torch", "torchvision")
_CLIP_PAPER = "Hessel et al., CLIPScore, EMNLP 2021; Radford et al., ICML 2021"
_PAIRS = {
    "psnr_rgb": "psnr",
    **{n: n for n in ("ssim", "ms_ssim", "lpips_alex", "lpips_vgg", "lpips_squeeze", "dists")},
}
# of pyiqa, without weights: which is better, the highest value, what it is, where it is from
_BY_PYIQA: tuple[tuple[str, Better, str, str], ...] = (
    (
        "fsim",
        "higher",
        "likeness of phase congruency and gradients",
        "Zhang et al., IEEE TIP 2011",
    ),
    ("vsi", "higher", "likeness of what draws the eye", "Zhang et al., IEEE TIP 2014"),
    ("gmsd", "lower", "deviation of the likeness of gradients", "Xue et al., IEEE TIP 2014"),
)


def _clip(name: str, network: str, inputs: tuple[str, ...], what: str, summary: str) -> Metric:
    """Declare a metric of each sample by CLIP; ``what`` is its factory and says what is taken."""
    takes_texts = what in ("clip_score", "clip_directional")
    pinned = weights.clip_signature(network)
    if not takes_texts:
        pinned = pinned.partition("|tpl:")[0]
    return Metric(
        name=name,
        factory=f"{_HERE}.clip:{what}",
        params={"network": network, "owner": name} | ({"template": "{}"} if takes_texts else {}),
        inputs=inputs,
        signature=f"{what}|{pinned}|cosine|mean-of-images|v1",
        per="element",
        better="higher",
        range=(-1.0, 1.0),
        requires=_CLIP_NEEDS,
        extra="generative",
        weights=(weights.NETWORKS[network].weights,),
        digits=4,
        summary=summary,
        paper=_CLIP_PAPER,
    )


ALIGNMENT: tuple[Metric, ...] = (
    *(
        _clip(
            f"clip_score_{network}",
            network,
            ("samples",),
            "clip_score",
            f"cosine of image and prompt in {title}, not times 100",
        )
        for network, title in (
            ("b32", "OpenAI's ViT-B/32"),
            ("b16", "OpenAI's ViT-B/16"),
            ("l14", "OpenAI's ViT-L/14"),
            ("g14", "OpenCLIP's ViT-g/14"),
        )
    ),
    Metric(
        name="clip_truncated",
        factory=f"{_HERE}.clip:clip_truncated",
        params={"template": "{}"},
        inputs=("samples",),
        signature=f"clip_truncated|bpe-openai|tpl:{{}}|over:{weights.TOKENS}|share|v1",
        per="element",
        better="none",
        range=(0.0, 1.0),
        requires=("open_clip_torch",),
        extra="generative",
        summary="share of prompts of which no CLIP score sees the end: over 77 tokens",
    ),
)


def set_metrics(
    extractor: str,
    signature: str,
    weights: tuple[Resource, ...] = (),
    requires: tuple[str, ...] = (),
) -> tuple[Metric, ...]:
    """Declare FID, KID, precision, recall, density, coverage and FID's floor by an extractor.

    A task leaves ``features_X`` of each item, ``reference_X`` once, and for the floor
    ``further_X``: features of real images that are not in the reference.

    Args:
        extractor: X; part of all names.
        signature: what pins its features: network, file, resizing.
        weights: what its stage needs; the metrics are unavailable without.
        requires: distributions that its stage needs.
    """
    generated, reference = f"features_{extractor}", f"reference_{extractor}"

    def declare(name: str, how: str, summary: str, **more: object) -> Metric:
        return Metric(
            **{
                "name": f"{name}_{extractor}",
                "factory": f"{_HERE}.sets:{name}",
                "inputs": (generated, reference),
                "signature": f"{name}|{how}|ext:{signature}|v1",
                "per": "set",
                "better": "higher",
                "range": (0.0, _INFINITE),
                "requires": ("scipy", *requires),
                "extra": "generative",
                "weights": weights,
                "summary": summary,
                **more,
            }
        )

    frechet = {"digits": 2, "paper": "Heusel et al., NeurIPS 2017, arXiv:1706.08500"}
    nearest = {"paper": "Kynkäänniemi et al., NeurIPS 2019, arXiv:1904.06991", "range": (0.0, 1.0)}
    dense = {"paper": "Naeem et al., ICML 2020, arXiv:2002.09797"}
    return (
        declare(
            "fid",
            "cov:n-1|f64",
            "Fréchet distance of the features of generated and of real images",
            better="lower",
            **frechet,
        ),
        declare(
            "kid",
            "poly3|u-statistic|f64",
            "kernel distance of the features of generated and of real images",
            better="lower",
            range=(-_INFINITE, _INFINITE),
            digits=5,
            paper="Bińkowski et al., ICLR 2018, arXiv:1801.01401",
        ),
        declare("precision", "k3", "share of generated images among the real ones", **nearest),
        declare("recall", "k3", "share of real images among the generated ones", **nearest),
        declare("density", "k5", "how many real images a generated one is near to", **dense),
        declare(
            "coverage",
            "k5",
            "share of real images with a generated one nearby",
            **dense,
            range=(0.0, 1.0),
        ),
        declare(
            "fid_floor",
            "cov:n-1|f64",
            "FID of real images against real ones, at the same numbers",
            inputs=(generated, reference, f"further_{extractor}"),
            better="none",
            **frechet,
        ),
    )


_INCEPTION = f"inception-tf2015@{weights.INCEPTION.sha256[:8]}|layer:pool2048"
SETS: tuple[Metric, ...] = (
    *(
        metric
        for extractor, resize in (
            ("inception_clean", "resize:clean-pil-bicubic-antialias-f32-clip-299"),
            ("inception_tf", "resize:tf1-bilinear-noantialias-corner-f32-299"),
            ("inception_torch", "resize:torch-bilinear-noantialias-halfpixel-f32-299"),
        )
        for metric in set_metrics(
            extractor,
            f"{_INCEPTION}|{resize}",
            (weights.INCEPTION,),
            ("torch", "torch-fidelity"),
        )
    ),
    *set_metrics(
        "clip_b32",
        weights.clip_signature("b32").partition("|tpl:")[0],
        (weights.NETWORKS["b32"].weights,),
        _CLIP_NEEDS,
    ),
)


def pair_metrics(target: str, made: str, suffix: str = "") -> tuple[Metric, ...]:
    """Declare PSNR, SSIM, MS-SSIM, LPIPS, DISTS, FSIM, VSI and GMSD of each sample and its target.

    The first five are the codec family's, the others pyiqa's, image by image; of videos and views
    the mean over images.

    Args:
        target: artifact or item with the targets, :class:`..samples.Samples`.
        made: artifact with what was made of them.
        suffix: what stands behind the names; ``_`` and ``made`` where it is empty.
    """
    behind = suffix or f"_{made}"
    inputs = (target, made)
    own = tuple(_of_pairs(m, inputs, behind) for m in _OF_IMAGES if m.name in _PAIRS)
    return (
        *own,
        *(
            Metric(
                name=name + behind,
                factory=f"{_HERE}.pairs:of_samples",
                params={
                    "metric": f"{_HERE}.pyiqa_adapter:full_reference",
                    "params": {"name": name},
                },
                inputs=inputs,
                signature=f"{name}|pyiqa{PYIQA}|rgb|8bit|samples:mean-of-images|v1",
                per="element",
                better=better,
                range=(0.0, 1.0),
                requires=("pyiqa", "torch"),
                extra="generative",
                check=f"{_HERE}.no_reference:pinned",
                digits=4,
                summary=f"{summary}; sides of 4 pixels and more",
                paper=paper,
            )
            for name, better, summary, paper in _BY_PYIQA
        ),
    )


def _of_pairs(metric: Metric, inputs: tuple[str, str], suffix: str) -> Metric:
    name = _PAIRS[metric.name] + suffix
    params = dict(metric.params) | ({"owner": name} if metric.weights else {})
    return replace(
        metric,
        name=name,
        factory=f"{_HERE}.pairs:of_samples",
        params={"metric": metric.factory, "params": params},
        inputs=inputs,
        signature=f"{metric.signature}|samples:mean-of-images|v1",
        per="element",
        aggregate="mean",
        extra="generative",
    )


def video_metrics(made: str, network: str = "b32", suffix: str = "") -> tuple[Metric, ...]:
    """Declare the temporal consistency of videos by CLIP, in both forms.

    Args:
        made: artifact with the videos, :class:`..samples.Samples`.
        network: a key of :data:`.weights.NETWORKS`.
        suffix: what stands behind the names; ``_`` and the network where it is empty.
    """
    behind = suffix or f"_{network}"
    return (
        _clip(
            f"clip_temporal{behind}",
            network,
            (made,),
            "clip_temporal",
            "mean cosine of consecutive frames; a still image has 1",
        ),
        _clip(
            f"clip_temporal_first{behind}",
            network,
            (made,),
            "clip_temporal_first",
            "mean cosine with the frame before and with the first, as VBench has it",
        ),
    )


def edit_metrics(
    source: str, made: str, network: str = "b32", suffix: str = ""
) -> tuple[Metric, ...]:
    """Declare how an edit goes with its prompt, and how near it stays to what was edited.

    Args:
        source: artifact or item with what was edited and the prompts that describe it.
        made: artifact with what came out and the prompts that describe it.
        network: a key of :data:`.weights.NETWORKS`.
        suffix: what stands behind the names; ``_`` and the network where it is empty.
    """
    behind = suffix or f"_{network}"
    return (
        _clip(
            f"clip_directional{behind}",
            network,
            (source, made),
            "clip_directional",
            "cosine of what an edit changed with what its prompt changed",
        ),
        _clip(
            f"clip_similarity{behind}",
            network,
            (source, made),
            "clip_similarity",
            "cosine of each image with the one it was made of",
        ),
    )
