"""Numbers of this family's metrics that other packages or definitions confirm.

Features, pictures and networks are made from seeds: :mod:`.metrics.fixtures`. Pinned numbers are
what the metrics gave on them when the checks were written. PSNR to LPIPS of samples are the codec
family's, and so are their checks.
"""

from __future__ import annotations

from harness.spec import Crosscheck

__all__ = ["CROSSCHECKS"]

_SECOND = "harness_plugins.generative.metrics.second"


def _check(
    name: str, by: tuple[str, str], refs: tuple[str, str], pinned: float, **more: object
) -> Crosscheck:
    canonical, second = (f"{_SECOND}:{ref}" for ref in refs)
    told = {"name": name, "by": by, "canonical": canonical, "second": second, "pinned": pinned}
    return Crosscheck(**{**told, "extra": "dev", "drift": 1e-6, **more})


_SETS = (
    *(
        _check(
            f"fid-{package}",
            ("harness, singular values", package),
            ("of_sets", "fid_by"),
            57.14446532138709,
            params={"metric": "fid", "package": package},
            between=1e-6,
            requires=(package,),
            summary=f"150 and 200 features of 24 dimensions; {how}",
        )
        for package, how in (
            ("torch-fidelity", "by eigenvalues of the product"),
            ("torchmetrics", "by eigenvalues of the product"),
            ("scipy", "by scipy's square root of a matrix"),
        )
    ),
    *(
        _check(
            f"kid-{package}",
            ("harness, U-statistic", package),
            ("of_sets", "kid_by"),
            0.7125909734565994,
            params={"metric": "kid", "package": package, "equal": True},
            between=1e-9,
            requires=(package,),
            summary="150 and 150 features, as one subset of all",
        )
        for package in ("torch-fidelity", "torchmetrics")
    ),
    *(
        _check(
            f"{metric}-{package}",
            ("harness", package),
            ("of_sets", "manifold_by"),
            pinned,
            params={"metric": metric, "package": package},
            between=1e-6,
            requires=(package,),
            summary=summary,
        )
        for metric, package, pinned, summary in (
            ("precision", "torch-fidelity", 0.98, "balls to the third neighbour"),
            ("recall", "torch-fidelity", 0.495, "balls to the third neighbour"),
            ("density", "scikit-learn", 1.9973333333333332, "balls to the fifth neighbour"),
            ("coverage", "scikit-learn", 0.98, "balls to the fifth neighbour"),
        )
    ),
)

_NETWORKS = (
    *(
        _check(
            f"resize-{way}-{package}",
            ("harness", package),
            ("resized", "resized_by"),
            pinned,
            params={"way": way},
            between=between,
            requires=(package,),
            summary=summary,
        )
        for way, package, pinned, between, summary in (
            ("clean", "torch", 55.91728423661428, 1e-5, "bicubic with antialias, as clean-fid"),
            ("tf-legacy", "torch-fidelity", 55.895873751752255, 1e-9, "bilinear of TensorFlow 1"),
            ("torch-legacy", "torch", 55.915065008609076, 1e-6, "bilinear, as pytorch-fid"),
        )
    ),
    _check(
        "inception-torch-fidelity",
        ("harness, blocks of torch-fidelity", "torch-fidelity's extractor"),
        ("inception", "inception_by_torch_fidelity"),
        0.5924234390258789,
        between=1e-6,
        drift=1e-5,
        requires=("torch-fidelity", "torch"),
        summary="mean feature of three pictures by random weights",
    ),
    _check(
        "clip-score-transformers",
        ("open_clip", "transformers"),
        ("clip_cosine", "clip_cosine_by_transformers"),
        0.2108191774567456,
        between=1e-6,
        drift=1e-5,
        requires=("open_clip_torch", "transformers"),
        summary="a small random CLIP: network, image processing and tokens, three pairs",
    ),
    _check(
        "clip-temporal-torch",
        ("harness", "torch"),
        ("clip_temporal", "clip_temporal_by_torch"),
        0.9948710403548335,
        between=1e-6,
        drift=1e-5,
        requires=("open_clip_torch",),
        summary="consecutive frames of a video of three",
    ),
)

_PYIQA = (
    _check(
        "piqe-equations",
        ("pyiqa", "the paper's equations"),
        ("image_alone", "image_alone_by"),
        52.487953186035156,
        params={"name": "piqe"},
        between=1e-3,
        drift=1e-4,
        requires=("pyiqa",),
        summary="in float32 against float64; columns around the centre as the authors' program",
    ),
    _check(
        "entropy-skimage",
        ("pyiqa", "skimage"),
        ("image_alone", "image_alone_by"),
        7.131557464599609,
        params={"name": "entropy"},
        between=1e-5,
        drift=1e-5,
        requires=("pyiqa", "scikit-image"),
        summary="of luma in whole levels",
    ),
    *(
        _check(
            f"{name}-piq",
            ("pyiqa", "piq"),
            ("image_pair", "image_pair_by_piq"),
            pinned,
            params={"name": name},
            between=between,
            drift=1e-5,
            requires=("pyiqa", "piq"),
            summary=summary,
        )
        for name, pinned, between, summary in (
            ("fsim", 0.9698388576507568, 1e-6, "with colour"),
            ("vsi", 0.9913919262973854, 1e-6, "with colour"),
            ("gmsd", 0.04001200571656227, 1e-5, "of luma in whole levels; two weights of luma"),
        )
    ),
)

CROSSCHECKS: tuple[Crosscheck, ...] = (*_SETS, *_NETWORKS, *_PYIQA)
