"""Datasets of the generative family that others publish, or the user has."""

from __future__ import annotations

from harness import spec
from harness_plugins.generative.datasets import coco, davis

__all__ = ["PUBLISHED"]

_HERE = "harness_plugins.generative.datasets"
_NEEDS = ("numpy>=2", "pillow>=12")

PUBLISHED = (
    spec.Dataset(
        name="coco2017_captions",
        provides="prompts",
        index=f"{_HERE}.coco:index",
        load=f"{_HERE}.coco:load",
        params={"block": 50, "size": 512, "seed": 0},
        files=coco.FILES,
        requires=_NEEDS,
        extra="generative",
        licence="annotations CC BY 4.0; pictures under the terms of Flickr, each its own",
        paper="Lin et al., Microsoft COCO: common objects in context, ECCV 2014; Chen et al., "
        "Microsoft COCO captions, arXiv:1504.00325",
        url="https://cocodataset.org",
        summary="5,000 captions of COCO 2017 val, one of each picture, and the pictures",
    ),
    spec.Dataset(
        name="prompt_file",
        provides="prompts",
        index=f"{_HERE}.prompt_file:index",
        load=f"{_HERE}.prompt_file:load",
        params={"path": "", "seed": 0, "size": 512, "block": 50, "reference": ""},
        requires=_NEEDS,
        extra="generative",
        licence="that of the file",
        summary="prompts from a CSV, a TSV or a text, as DrawBench and PartiPrompts are published",
    ),
    spec.Dataset(
        name="davis2017",
        provides="video_edits",
        index=f"{_HERE}.davis:index",
        load=f"{_HERE}.davis:load",
        params={"prompts": "", "frames": 8, "size": 512},
        files=davis.FILES,
        requires=_NEEDS,
        extra="generative",
        licence="CC BY 4.0 unless its SOURCES.md says other",
        paper="Pont-Tuset et al., The 2017 DAVIS challenge on video object segmentation, "
        "arXiv:1704.00675",
        url="https://davischallenge.org/davis2017/code.html",
        summary="the first frames of videos with masks of their objects; texts of edits by a file",
    ),
    spec.Dataset(
        name="google_scanned_objects",
        provides="object_views",
        index=f"{_HERE}.scanned_objects:index",
        load=f"{_HERE}.scanned_objects:load",
        params={"folder": "", "objects": []},
        requires=_NEEDS,
        extra="generative",
        licence="CC BY 4.0",
        paper="Downs et al., Google Scanned Objects, ICRA 2022; rendered by Liu et al., "
        "SyncDreamer, ICLR 2024",
        url="https://github.com/liuyuan-pal/SyncDreamer",
        summary="30 scanned objects, each from 16 sides at 256 x 256",
    ),
)
