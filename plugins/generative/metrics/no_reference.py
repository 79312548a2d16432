"""Metrics of an image alone, by pyiqa, as declarations: which file each needs, and its digest.

Files are those that pyiqa 0.1.16 asks for. Where a name ends in eight hex digits, these begin the
file's sha256; of the others a whole digest, or more of one, is known. What has none cannot be
pinned and is not declared: BRISQUE, IL-NIQE, NRQM and PI, LIQE, UNIQUE, MetaIQA, QualiCLIP,
FGResQ, A-FINE. Whoever has such a file declares its metric in a plugin of their own, with the
digest of that file, by :func:`no_reference_metric`. What runs on CUDA alone (MACLIP), asks
language models (Q-Align, Q-ReAlign, Compare2Score), or is meant for faces or for pictures taken
under water is left out.
"""

from __future__ import annotations

from dataclasses import asdict

from harness.spec import Better, Metric, Unavailable
from harness_plugins.generative.metrics.no_reference_files import LEARNED, Files, file, own

__all__ = ["NO_REFERENCE", "PYIQA", "no_reference_metric", "pinned", "pinned_with_clip"]

PYIQA = "0.1.16"
_HERE = "harness_plugins.generative.metrics"
_INFINITE = float("inf")


def no_reference_metric(
    name: str,
    summary: str,
    files: Files,
    *,
    better: Better = "higher",
    range_: tuple[float, float] = (-_INFINITE, _INFINITE),
    paper: str = "",
    called: str = "",
) -> Metric:
    """Declare a metric of pyiqa that looks at an image alone, for each sample.

    Args:
        name: as pyiqa calls it.
        summary: one line.
        files: what it loads, by the folder in which it looks: ``pyiqa``, ``checkpoints`` or
            ``clip``. The first eight digits of their digests stand in the signature.
        better: which direction is good.
        range_: lowest and highest value.
        paper: citation.
        called: the metric's name, ``iqa_`` and pyiqa's where it is empty.
    """
    metric = called or "iqa_" + name.replace("+", "_plus").replace("-", "_")
    weights = tuple(resource for found in files.values() for resource in found)
    digests = ",".join(w.sha256.removeprefix("sha256-prefix:")[:8] for w in weights) or "none"
    told = [{"place": p, **asdict(r)} for p, found in files.items() for r in found]
    return Metric(
        name=metric,
        factory=f"{_HERE}.pyiqa_adapter:no_reference",
        params={"name": name, "owner": metric, "files": told},
        inputs=("samples",),
        signature=f"{name}|pyiqa{PYIQA}|w:{digests}|rgb|full-size|seed0|mean-of-images|v1",
        per="element",
        better=better,
        range=range_,
        requires=("pyiqa", "torch"),
        extra="generative",
        check=f"{_HERE}.no_reference:{'pinned_with_clip' if 'clip' in files else 'pinned'}",
        weights=weights,
        summary=summary,
        paper=paper,
    )


def pinned(**_: object) -> None:
    """Raise ``Unavailable`` where pyiqa is not of the version that signatures tell."""
    from importlib.metadata import version

    have = version("pyiqa")
    if have != PYIQA:
        raise Unavailable(
            f"pyiqa {have} is installed, the signature tells {PYIQA}",
            f'pip install "pyiqa=={PYIQA}"',
        )


def pinned_with_clip(**params: object) -> None:
    """Do the same, and where OpenAI's package ``clip`` cannot be imported."""
    from importlib.util import find_spec

    pinned(**params)
    if find_spec("pkg_resources") is None:
        raise Unavailable(
            "the package clip asks for pkg_resources, which new versions of setuptools lack",
            'pip install "setuptools<81"',
        )


NO_REFERENCE: tuple[Metric, ...] = (
    no_reference_metric(
        "piqe",
        "how distorted the image's blocks are, by their own statistics; 16 pixels a block",
        {},
        better="lower",
        range_=(0.0, _INFINITE),
        paper="Venkatanath et al., NCC 2015",
    ),
    no_reference_metric(
        "entropy",
        "entropy of the levels of luma, in bits",
        {},
        better="none",
        range_=(0.0, 8.0),
        paper="Shannon, Bell System Technical Journal 1948",
    ),
    no_reference_metric(
        "niqe",
        "distance of its natural scene statistics from those of natural pictures",
        own(file("niqe_modelparameters.mat", "sha256-prefix:fa2aa4d12dd9595c")),
        better="lower",
        paper="Mittal et al., IEEE SPL 2013",
    ),
    *(
        no_reference_metric(name, f"{what}; {trained}", files, paper=paper)
        for what, paper, kinds in LEARNED
        for name, (trained, files) in kinds.items()
    ),
)
