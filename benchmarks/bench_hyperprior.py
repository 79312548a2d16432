"""A neural codec against CompressAI's own eval tool, on one checkpoint and a few images (4).

    python benchmarks/bench_hyperprior.py [IMAGES]

The network is a scale hyperprior of 128 and 192 channels with random weights: it makes the work
of a trained one of that size, through real bytes. ``compressai.utils.eval_model`` runs in one
process of one thread; the harness runs two jobs on the same two cores. Two pairs of runs
alternate.

Prints times, ratios and the largest differences of the numbers; exits with 1 where the rate of
the payload is not the same, or PSNR or MS-SSIM are further apart than 1e-4 dB and 2e-5. The rate
with the header, which CompressAI's tool leaves out, stands beside it. The images are those of
``bench_jpeg``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from bench_jpeg import agree, compare, harness, images, measure, our_numbers, two_cores

ARCHITECTURE = "bmshj2018-hyperprior"
PAIRS = 2
NUMBERS = (
    ("payload_bpp", "bpp", 1e-12),
    ("psnr_rgb", "psnr-rgb", 1e-4),
    ("ms_ssim", "ms-ssim-rgb", 2e-5),
)


def write_checkpoint(path: Path) -> dict[str, str]:
    """Write a random network whose latents spread over several integers."""
    import torch

    from harness_plugins.codec_compressai.networks import network_class

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = network_class(ARCHITECTURE)(128, 192)
    with torch.no_grad():
        for parameter in network.g_a.parameters():
            if parameter.ndim == 4:
                parameter.mul_(1.7)
    network.update(force=True)
    torch.save(network.state_dict(), path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def write_suite(path: Path, pictures: Path, checkpoint: dict[str, str]) -> None:
    """Write the suite that does what the eval tool does."""
    model: dict[str, Any] = {
        "name": "compressai-checkpoint",
        "label": "random",
        "params": {"architecture": ARCHITECTURE, "checkpoints": [checkpoint]},
        "points": {"quality": [1]},
    }
    suite = {
        "name": "bench-hyperprior",
        "tasks": ["codec/image"],
        "datasets": [{"name": "folder", "params": {"path": str(pictures)}}],
        "models": [model],
        "metrics": ["bpp", "psnr_rgb", "ms_ssim"],
    }
    path.write_text(json.dumps(suite))


def payload_bpp(results: Path, total: float) -> float:
    """Return the rate without headers, in bit per pixel, from what the codec noted."""
    import pandas as pd

    nodes = pd.read_parquet(results / "bench-hyperprior" / "nodes.parquet")
    notes = nodes.loc[nodes["step"] == "encode", "notes"]
    taken = [json.loads(n) if isinstance(n, str) else n for n in notes]
    header, payload = (sum(n[key] for n in taken) for key in ("header_bytes", "payload_bytes"))
    # all images have as many pixels, so the mean rate divides as the bytes do
    return total * payload / (header + payload)


def main(count: int) -> int:
    """Run both tools in turn and print how they compare."""
    two_cores()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        where, _, what = images(folder, count)
        print(f"{ARCHITECTURE}, 128 and 192 channels, random weights, {what}; 2 cores", flush=True)
        pictures = folder / "pictures"
        pictures.mkdir()
        for path in sorted(where.glob("*.png"))[:count]:
            shutil.copy(path, pictures)
        checkpoint = write_checkpoint(folder / "random.pth.tar")
        suite = folder / "suite.yaml"
        write_suite(suite, pictures, checkpoint)
        peer = [sys.executable, "-W", "ignore", "-m", "compressai.utils.eval_model", "checkpoint"]
        peer += [str(pictures), "-a", ARCHITECTURE, "-p", checkpoint["path"]]
        ours, theirs, said = [], [], ""
        for turn in range(PAIRS):
            ours.append(harness(suite, folder / f"results-{turn}"))
            cost, said = measure(peer)
            theirs.append(cost)
        compare(ours, theirs, "compressai.utils.eval_model")
        results = folder / "results-0"
        numbers = our_numbers(results, "bench-hyperprior", ["bpp", "psnr_rgb", "ms_ssim"])
        [total] = numbers["bpp"]
        numbers["payload_bpp"] = [payload_bpp(results, total)]
        same = agree(numbers, json.loads(said[said.index("{") :])["results"], NUMBERS)
        header = total - numbers["payload_bpp"][0]
        print(f"  bpp with the header: {total:.5f} ({100 * header / total:.3f} % more)")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
