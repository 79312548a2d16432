"""The numbers of cross-checks: by this family's metrics, and by other packages or definitions.

Each function takes what the check's ``params`` say. Fixtures are those of :mod:`.fixtures`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from harness_plugins.codec.metrics import fixtures as codec
from harness_plugins.codec.metrics.pair import Image
from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics import fixtures
from harness_plugins.generative.metrics.resize import SIDE, WAYS
from harness_plugins.generative.samples import Samples

__all__ = [
    "clip_cosine",
    "clip_cosine_by_transformers",
    "clip_temporal",
    "clip_temporal_by_torch",
    "fid_by",
    "image_alone",
    "image_alone_by",
    "image_pair",
    "image_pair_by_piq",
    "inception",
    "inception_by_torch_fidelity",
    "kid_by",
    "manifold_by",
    "of_sets",
    "resized",
    "resized_by",
]

_EQUAL = 150  # images on both sides, where a package takes no other numbers


def of_sets(metric: str, *, equal: bool = False, **_: str) -> float:
    """Return ``fid``, ``kid``, ``precision``, ``recall``, ``density`` or ``coverage``."""
    from harness_plugins.generative.metrics import sets

    x, y = fixtures.features()
    return float(getattr(sets, metric)()([x], y[:_EQUAL] if equal else y).value)


def fid_by(package: str, **_: Any) -> float:
    """Return FID by torch-fidelity, torchmetrics, or scipy's square root of a matrix."""
    import torch

    x, y = fixtures.features()
    if package == "torch-fidelity":
        from torch_fidelity import metric_fid as home  # type: ignore[import-untyped]

        both = (home.fid_features_to_statistics(torch.from_numpy(v)) for v in (x, y))
        found = home.fid_statistics_to_metric(*both, verbose=False)
        return float(found[home.KEY_METRIC_FID])
    moments = [(v.mean(axis=0), np.cov(v, rowvar=False)) for v in (x, y)]
    if package == "torchmetrics":
        from torchmetrics.image.fid import _compute_fid

        return float(_compute_fid(*(torch.from_numpy(part) for own in moments for part in own)))
    from scipy.linalg import sqrtm

    (m1, s1), (m2, s2) = moments
    root = np.trace(np.real(sqrtm(s1 @ s2)))
    return float(np.square(m1 - m2).sum() + np.trace(s1) + np.trace(s2) - 2 * root)


def kid_by(package: str, **_: Any) -> float:
    """Return KID of as many images on both sides by torch-fidelity, or torchmetrics."""
    import torch

    x, y = fixtures.features()
    one, other = torch.from_numpy(x), torch.from_numpy(y[:_EQUAL])
    if package == "torch-fidelity":
        from torch_fidelity import metric_kid as home

        found = home.kid_features_to_metric(
            one, other, kid_subsets=1, kid_subset_size=_EQUAL, verbose=False
        )
        return float(found[home.KEY_METRIC_KID_MEAN])
    from torchmetrics.image.kid import poly_mmd

    return float(poly_mmd(one, other))


def manifold_by(metric: str, package: str) -> float:
    """Return precision or recall by torch-fidelity, density or coverage by scikit-learn."""
    x, y = fixtures.features()
    if package == "torch-fidelity":
        import torch
        from torch_fidelity.metric_prc import prc_features_to_metric

        found = prc_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), verbose=False)
        return float(found[metric])
    from sklearn.neighbors import NearestNeighbors

    k = 5
    near = NearestNeighbors(n_neighbors=k).fit(y)
    radius = near.kneighbors()[0][:, -1]  # of each real image to its k-th other
    inside = NearestNeighbors(n_neighbors=len(y)).fit(y).kneighbors(x)
    distance = np.empty((len(x), len(y)))
    np.put_along_axis(distance, inside[1], inside[0], axis=1)
    held = distance <= radius
    return float(held.sum() / (k * len(x)) if metric == "density" else held.any(axis=0).mean())


def resized(way: str) -> float:
    """Return the mean of a picture in 299 × 299, each pixel times a fixed weight."""
    return _weighted(WAYS[way](fixtures.pictures().bytes_()[1]))


def resized_by(way: str) -> float:
    """Return the same by torch-fidelity, or by torch with and without antialias."""
    import torch

    planes = torch.from_numpy(fixtures.pictures().bytes_()[1]).permute(2, 0, 1)[None].float()
    if way == "tf-legacy":
        from torch_fidelity import interpolate_compat_tensorflow as home

        found = home.interpolate_bilinear_2d_like_tensorflow1x(
            planes, size=(SIDE, SIDE), align_corners=False
        )
    else:
        clean = way == "clean"
        found = torch.nn.functional.interpolate(
            planes,
            (SIDE, SIDE),
            mode="bicubic" if clean else "bilinear",
            align_corners=False,
            antialias=clean,
        ).clip(0, 255)
    return _weighted(found[0].permute(1, 2, 0).numpy())


def _weighted(pixels: Any) -> float:
    weights = np.random.RandomState(6).rand(SIDE, SIDE, 3)
    return float((pixels.astype(np.float64) * weights).mean())


def inception(**_: str) -> float:
    """Return the mean absolute feature of three pictures by a random Inception."""
    from harness_plugins.generative.metrics.inception import features_of, trunk

    network, state = trunk(), fixtures.inception_state()
    network.load_state_dict({n: v for n, v in state.items() if not n.startswith("fc.")})
    found = features_of(network.eval(), fixtures.pictures(), "tf-legacy")
    return float(np.abs(found).mean())


def inception_by_torch_fidelity(**_: str) -> float:
    """Return the same by torch-fidelity's own extractor."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as home

    with tempfile.TemporaryDirectory(prefix="inception-") as folder:
        path = Path(folder) / "weights.pth"
        torch.save(fixtures.inception_state(), path)
        extractor = home.FeatureExtractorInceptionV3(
            "random", ["2048"], feature_extractor_weights_path=str(path)
        )
    planes = torch.from_numpy(fixtures.pictures().bytes_()).permute(0, 3, 1, 2)
    return float(extractor(planes)[0].abs().mean())


def clip_cosine(**_: str) -> float:
    """Return the mean cosine of three pictures and prompts by a small random CLIP."""
    from harness_plugins.generative.metrics.clip import similarity

    clip = _tiny()
    return float(similarity(clip.images(fixtures.pictures()), clip.texts(fixtures.PROMPTS)).mean())


def clip_cosine_by_transformers(**_: str) -> float:
    """Return the same by transformers: its network, its processor and its tokenizer."""
    import open_clip  # type: ignore[import-untyped]
    import torch
    from transformers import CLIPImageProcessorPil, CLIPTokenizer

    ours = open_clip.SimpleTokenizer()
    marks = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {marks.get(word, word): number for word, number in ours.encoder.items()}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=list(ours.bpe_ranks))
    texts = tokenizer(list(fixtures.PROMPTS), padding="max_length", max_length=77)
    prepare = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    pixels = prepare(images=list(fixtures.pictures().bytes_()), return_tensors="pt")
    network = fixtures.in_transformers(fixtures.tiny_clip(quick_gelu=True), quick_gelu=True)
    with torch.inference_mode():
        images = network.get_image_features(**pixels).pooler_output
        words = network.get_text_features(torch.tensor(texts["input_ids"])).pooler_output
    return float(torch.nn.functional.cosine_similarity(images, words).mean())


def clip_temporal(**_: str) -> float:
    """Return the consistency of three pictures as one video, by a small random CLIP."""
    from harness_plugins.generative.metrics.clip import temporal

    return float(temporal(_tiny().images(fixtures.pictures()), 3)[0])


def clip_temporal_by_torch(**_: str) -> float:
    """Return the same by torch's cosine similarity."""
    import torch

    frames = torch.from_numpy(_tiny().images(fixtures.pictures()))
    return float(torch.nn.functional.cosine_similarity(frames[1:], frames[:-1]).mean())


def image_alone(name: str) -> float:
    """Return PIQE or entropy of a noisy picture."""
    from harness_plugins.generative.metrics.pyiqa_adapter import no_reference

    image = codec.pair("noise")[1]
    return float(no_reference(name, f"iqa_{name}", ())(Samples(Images.of(image[None])))[0])


def image_alone_by(name: str) -> float:
    """Return the same: PIQE by its equations, entropy by scikit-image."""
    image = codec.pair("noise")[1]
    luma = image @ np.array([0.299, 0.587, 0.114])
    if name == "entropy":
        from skimage.measure import shannon_entropy  # type: ignore[import-untyped]

        return float(shannon_entropy(np.round(luma)))
    return piqe(luma)


def piqe(luma: np.ndarray) -> float:
    """Return PIQE of luma (H, W) in 0…255, in blocks of 16 × 16.

    Venkatanath et al., Blind image quality evaluation using perception based features, NCC 2015:
    eq. 1-2 (contrast normalisation), 4-6 (noticeable distortion), 7-9 (noise), 10. In one thing
    it goes by the authors' program and not by their text: of the columns around the centre it
    leaves out the eighth and the tenth, not the ninth.
    """
    from scipy.ndimage import correlate

    grey = np.round(255 * luma / luma.max())
    reach = np.exp(-np.square(np.arange(-3, 4)) / (2 * (7 / 6) ** 2))
    window = np.outer(reach, reach) / np.square(reach.sum())
    mean = correlate(grey, window, mode="nearest")
    spread = np.sqrt(np.abs(correlate(grey**2, window, mode="nearest") - mean**2))
    normal = (grey - mean) / (spread + 1)
    height, width = (side // 16 for side in grey.shape)
    blocks = normal[: 16 * height, : 16 * width].reshape(height, 16, width, 16).swapaxes(1, 2)
    distortion, active = 0.0, 0
    for block in blocks.reshape(-1, 16, 16):
        variance = block.var(ddof=1)
        if variance <= 0.1:
            continue
        active += 1
        edges = (block[0], block[-1], block[:, 0], block[:, -1])
        if any(e[i : i + 6].std(ddof=1) < 0.1 for e in edges for i in range(11)):
            distortion += 1 - variance
        around = np.delete(block, [7, 9], axis=1).std(ddof=1)
        ratio, deviation = block[:, 7:9].std(ddof=1) / around, np.sqrt(variance)
        if deviation > 2 * abs(deviation - ratio) / max(deviation, ratio):
            distortion += variance
    return float(100 * (distortion + 1) / (active + 1))


def image_pair(name: str) -> float:
    """Return FSIM, VSI or GMSD of a noisy picture, by pyiqa."""
    from harness_plugins.generative.metrics.pyiqa_adapter import full_reference

    return full_reference(name)(*codec.pair("noise"))


def image_pair_by_piq(name: str) -> float:
    """Return the same by piq; GMSD on luma in whole levels, as its authors have it."""
    import piq  # type: ignore[import-untyped]
    import torch

    def tensor(image: Image) -> Any:
        planes = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).float()
        if name == "gmsd":
            red, green, blue = planes[:, :1], planes[:, 1:2], planes[:, 2:]
            planes = (0.299 * red + 0.587 * green + 0.114 * blue).round()
        return planes / 255

    x, y = (tensor(image) for image in codec.pair("noise"))
    return float(getattr(piq, name)(y, x, data_range=1.0))


def _tiny() -> Any:
    from harness_plugins.generative.metrics.clip import Clip

    return Clip(fixtures.tiny_clip(quick_gelu=True), "tiny")
