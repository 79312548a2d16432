"""Published FLOP of text-to-image models at 512x512, and the samplers that give them.

The figures are those of tables 1 and 3 of Habibian et al., *Clockwork Diffusion*, CVPR 2024,
arXiv:2312.08128v2: eight steps of DPM++, the UNet alone, by DeepSpeed's profiler. FID and CLIP
score (OpenCLIP ViT-g/14) are of 5,000 captions of MS-COCO 2017, quoted and not measured here. The
paper quotes those of Meng et al., SnapFusion and InstaFlow itself, from their authors.

One table, two conventions: the authors' own models lack the products of attention, those of
others have them. That is read off the digits, of which all eleven agree, and not said in the
paper; a profiler that did not know ``scaled_dot_product_attention`` beside older attention
written as plain products would do it. Beside each other stand numbers of one convention alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness_plugins.generative_diffusers.flops import Flops, Sampler, sampling_flops

__all__ = ["TABLE", "Convention", "Published", "replay"]

Convention = Literal["without_attention", "with_attention"]


@dataclass(frozen=True)
class Published:
    """One row of the published table.

    Attributes:
        name: as printed.
        tflops: as printed, with one decimal.
        convention: under which the sampler gives what is printed; None where nothing does.
        sampler: None where the architecture is not published.
        fid: as printed.
        clip: as printed, a cosine.
        source: whose model it is.
        truncated: whether the digits are cut off where the others are rounded.
        note: why there is no sampler.
    """

    name: str
    tflops: str
    convention: Convention | None
    sampler: Sampler | None
    fid: float
    clip: float
    source: str
    truncated: bool = False
    note: str = ""

    def agrees(self, flops: Flops) -> bool:
        """Whether a count, under this row's convention, has the printed digit."""
        if self.convention is None:
            return False
        tenths = getattr(flops, self.convention) / 1e11
        return (math.floor(tenths) if self.truncated else round(tenths)) == self._tenths

    @property
    def _tenths(self) -> int:
        return round(float(self.tflops) * 10)


def replay(rows: Sequence[Published] | None = None) -> list[tuple[Published, Flops | None]]:
    """Count the sampler of each row of ``TABLE``, or of ``rows``; None where there is none."""
    chosen = TABLE if rows is None else rows
    return [(row, sampling_flops(row.sampler) if row.sampler else None) for row in chosen]


_CLOCKWORK = "Habibian et al., arXiv:2312.08128v2"
_BK_SDM = "Kim et al., arXiv:2305.15798"
_SD = "stable-diffusion-1.5"


TABLE: tuple[Published, ...] = (
    Published(
        name="SD UNet",
        tflops="10.8",
        convention="without_attention",
        sampler=Sampler(_SD),
        fid=24.64,
        clip=0.300,
        source="Rombach et al., CVPR 2022",
    ),
    Published(
        name="SD UNet + Clockwork",
        tflops="7.3",
        convention="without_attention",
        sampler=Sampler(_SD, clock=2, adaptor="resnet"),
        fid=24.11,
        clip=0.295,
        source=_CLOCKWORK,
    ),
    Published(
        name="Efficient UNet",
        tflops="9.5",
        convention="without_attention",
        sampler=Sampler("efficient"),
        fid=24.22,
        clip=0.302,
        source=_CLOCKWORK,
    ),
    Published(
        name="Efficient UNet + Clockwork",
        tflops="5.9",
        convention="without_attention",
        sampler=Sampler("efficient", clock=2, adaptor="resnet"),
        fid=23.21,
        clip=0.296,
        source=_CLOCKWORK,
    ),
    Published(
        name="Distilled Efficient UNet",
        tflops="4.7",
        convention="without_attention",
        sampler=Sampler("efficient", guided=False),
        fid=25.75,
        clip=0.297,
        source=_CLOCKWORK,
    ),
    Published(
        name="Distilled Efficient UNet + Clockwork",
        tflops="2.9",
        convention="without_attention",
        sampler=Sampler("efficient", guided=False, clock=2, adaptor="resnet"),
        fid=24.45,
        clip=0.295,
        source=_CLOCKWORK,
        truncated=True,
    ),
    Published(
        name="Guidance distillation",
        tflops="6.4",
        convention="with_attention",
        sampler=Sampler(_SD, guided=False),
        fid=26.90,
        clip=0.300,
        source="Meng et al., CVPR 2023",
    ),
    Published(
        name="SnapFusion",
        tflops="4.0",
        convention=None,
        sampler=None,
        fid=24.20,
        clip=0.300,
        source="Li et al., NeurIPS 2023",
        note="its UNet is not public: built from table 3 of its paper it has 731 or 767 M"
        " parameters, not the 848 M that are printed (snap-research/SnapFusion, issues 5 and 8)",
    ),
    Published(
        name="BK-SDM-Base",
        tflops="8.4",
        convention="with_attention",
        sampler=Sampler("bk-sdm-base"),
        fid=29.26,
        clip=0.291,
        source=_BK_SDM,
    ),
    Published(
        name="BK-SDM-Small",
        tflops="8.2",
        convention="with_attention",
        sampler=Sampler("bk-sdm-small"),
        fid=29.48,
        clip=0.272,
        source=_BK_SDM,
    ),
    Published(
        name="BK-SDM-Tiny",
        tflops="7.8",
        convention="with_attention",
        sampler=Sampler("bk-sdm-tiny"),
        fid=31.48,
        clip=0.268,
        source=_BK_SDM,
    ),
    Published(
        name="InstaFlow (1 step)",
        tflops="0.8",
        convention="with_attention",
        sampler=Sampler(_SD, steps=1, guided=False),
        fid=29.30,
        clip=0.283,
        source="Liu et al., arXiv:2309.06380",
    ),
)
