"""The codec family: images through bytes and back."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness.hookspecs import hookimpl
from harness_plugins import cost
from harness_plugins.codec import conformance, kodak
from harness_plugins.codec.crosschecks import CROSSCHECKS
from harness_plugins.codec.derived import DERIVED
from harness_plugins.codec.metrics import METRICS
from harness_suites import shipped

__all__ = [
    "harness_crosschecks",
    "harness_datasets",
    "harness_derived",
    "harness_families",
    "harness_importers",
    "harness_metrics",
    "harness_suites",
]

_HERE = "harness_plugins.codec"
_STAGES = f"{_HERE}.stages"
_PNG = f"{_HERE}.artifacts:Png"
_IMAGES = f"{_HERE}.images:load"
_TWO_THREADS = {
    "MKL_NUM_THREADS": "2",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
}

_ENCODE = spec.Stage(
    name="encode",
    run=f"{_STAGES}:encode",
    inputs=("reference",),
    outputs=(spec.Artifact("bitstream"),),
)
_DECODE = spec.Stage(
    name="decode",
    run=f"{_STAGES}:decode",
    inputs=("bitstream",),
    outputs=(spec.Artifact("reconstruction", _PNG),),
)
_COST = cost_stage(("reference",))
_DEVICE = device_stage(("reference",), run=f"{_HERE}.on_device:device")
_PAIR = pair_stage(("reference",))
_ENCODE_AGAIN = spec.Stage(
    name="encode_again",
    run=f"{_STAGES}:encode_again",
    inputs=("reference",),
    outputs=(spec.Artifact("bitstream_again"),),
)
_DECODE_AGAIN = spec.Stage(
    name="decode_again",
    run=f"{_STAGES}:decode_again",
    inputs=("bitstream",),
    outputs=(spec.Artifact("reconstruction_again", _PNG),),
    env=_TWO_THREADS,
)


@hookimpl
def harness_families() -> Iterable[spec.Family]:
    """Declare the codec family with its two tasks."""
    return [
        spec.Family(
            name="codec",
            summary="image codecs: encode to bytes in one process, decode in another",
            interface=f"{_HERE}.interface:Codec",
            tasks=(
                spec.Task(
                    name="image",
                    item="reference",
                    accepts="image",
                    stages=(_ENCODE, _DECODE, _COST, _DEVICE, _PAIR),
                    summary="each image at each operating point through a real bitstream",
                ),
                spec.Task(
                    name="conformance",
                    item="reference",
                    accepts="image",
                    stages=(_ENCODE, _ENCODE_AGAIN, _DECODE, _DECODE_AGAIN),
                    summary="encoding and decoding twice, in other processes and with threads",
                ),
            ),
            panels=(
                spec.CurvePanel(title="Rate and PSNR", x="bpp", y="psnr_rgb"),
                spec.CurvePanel(title="Rate and MS-SSIM", x="bpp", y="ms_ssim_db"),
                spec.FrontPanel(
                    title="BD-rate and encoding time", x="encode_seconds", y="bd_rate_psnr_rgb"
                ),
                spec.FrontPanel(
                    title="BD-rate and decoding time", x="decode_seconds", y="bd_rate_psnr_rgb"
                ),
                *cost.fronts("psnr_rgb"),
                *cost.fronts("bd_rate_psnr_rgb"),
                *cost.PANELS,
                spec.ComparePanel(
                    title="Reconstructions",
                    artifact="reconstruction",
                    match_on="bpp",
                    thumbnail=f"{_HERE}.artifacts:thumbnail",
                ),
            ),
            conformance="codec-conformance",
        )
    ]


@hookimpl
def harness_datasets() -> Iterable[spec.Dataset]:
    """Declare the sets of images."""
    return [
        spec.Dataset(
            name="photos",
            provides="image",
            index=f"{_HERE}.photos:index",
            load=_IMAGES,
            requires=("scikit-image", "pillow"),
            extra="codec",
            licence="public domain, CC0, or as the items state",
            url="https://scikit-image.org/docs/stable/api/skimage.data.html",
            summary="4 photographs that ship inside the scikit-image wheel; no download",
        ),
        spec.Dataset(
            name="kodak",
            provides="image",
            index=f"{_HERE}.kodak:index",
            load=_IMAGES,
            files=kodak.FILES,
            requires=("pillow",),
            extra="codec",
            licence=kodak.FILES[0].licence,
            url="https://r0k.us/graphics/kodak/",
            summary="the 24 photographs of the Kodak Lossless True Color Image Suite, 768 x 512",
        ),
        spec.Dataset(
            name="folder",
            provides="image",
            index=f"{_HERE}.folder:index",
            load=_IMAGES,
            params={"path": "", "pattern": "*"},
            requires=("pillow",),
            extra="codec",
            summary="any directory of 8-bit RGB, grey or palette images: params {path: DIRECTORY}",
        ),
        spec.Dataset(
            name="odd_sizes",
            provides="image",
            index=f"{_HERE}.odd_sizes:index",
            load=f"{_HERE}.odd_sizes:load",
            licence="Apache-2.0",
            summary="4 generated images for conformance: 1 x 1, 17 x 33, 500 x 400, 768 x 512",
        ),
    ]


@hookimpl
def harness_metrics() -> Iterable[spec.Metric]:
    """Declare the metrics of quality, rate, cost by step, and conformance."""
    steps = [*cost.of_step("encode"), *cost.of_step("decode")]
    return [*METRICS, *steps, *conformance.METRICS]


@hookimpl
def harness_derived() -> Iterable[spec.Derived]:
    """Declare BD-rate and BD-PSNR."""
    return DERIVED


@hookimpl
def harness_importers() -> Iterable[spec.Importer]:
    """Declare the formats of published rate-distortion curves."""
    return [
        spec.Importer(
            name="compressai",
            read=f"{_HERE}.importers:read_compressai",
            summary="JSON of CompressAI: results/image/DATASET/*.json, eval_model, bench",
        ),
        spec.Importer(
            name="tfc",
            read=f"{_HERE}.importers:read_tfc",
            summary="text of TensorFlow Compression: results/image_compression/DATASET/*/*.txt",
        ),
        spec.Importer(
            name="coolchic",
            read=f"{_HERE}.importers:read_coolchic",
            summary="TSV of Cool-Chic: per-image results on Kodak",
        ),
    ]


@hookimpl
def harness_suites() -> Iterable[spec.SuiteFile]:
    """Declare the suites of this family."""
    return shipped("quick", "kodak", "codec-conformance")


@hookimpl
def harness_crosschecks() -> Iterable[spec.Crosscheck]:
    """Declare numbers that other packages are to confirm."""
    return CROSSCHECKS
