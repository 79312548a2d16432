"""CLIP: features of images and texts, and what is made of them.

Scores are cosines and stay so; that some print a hundred times the cosine (and CLIPScore two and a
half times) is a matter of view. Signatures tell the network, its file, how images and prompts come
to it.

The tokenizer and the architectures are those of open_clip; weights come from the cache and never
from a download of the package.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness import note
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Lacking
from harness_plugins.generative.metrics.features import FeaturesError
from harness_plugins.generative.metrics.weights import (
    NETWORKS,
    TOKENS,
    clip_signature,
    weights_path,
)
from harness_plugins.generative.samples import Samples

__all__ = [
    "Clip",
    "clip_directional",
    "clip_score",
    "clip_similarity",
    "clip_temporal",
    "clip_temporal_first",
    "clip_truncated",
    "directional",
    "similarity",
    "temporal",
    "temporal_first",
]

Features = NDArray[np.float32]  # (n, d), each row of length 1
Scores = NDArray[np.float64]  # (n,)
_BATCH = 32


class Clip:
    """A CLIP in float32 on the CPU.

    Args:
        model: of open_clip, ready for use.
        signature: what pins its numbers.
        template: into which each prompt is put; ``{}`` stands for the prompt.
    """

    def __init__(self, model: Any, signature: str, template: str = "{}") -> None:
        import open_clip  # type: ignore[import-untyped]

        self.signature = signature
        self._model, self._template = model, template
        self._tokenizer = open_clip.SimpleTokenizer(context_length=TOKENS)
        self._prepare = open_clip.image_transform(model.visual.image_size, is_train=False)

    @classmethod
    def load(cls, network: str, template: str = "{}", owner: str = "") -> Clip:
        """Return the network of a name with its weights.

        Args:
            network: a key of :data:`.weights.NETWORKS`.
            template: into which prompts are put.
            owner: the metric whose weights they are.

        Raises:
            Unavailable: the weights are not here.
            RuntimeError: the file is not that of the network: names or shapes differ.
        """
        of = NETWORKS[network]
        path = weights_path(of.weights, owner or f"clip_score_{network}")
        model = _openai(path) if of.openai else _openclip(of.architecture, path)
        return cls(model, clip_signature(network, template), template)

    def images(self, images: Images) -> Features:
        """Return the features of images (n, d), each row of length 1.

        The shorter side is brought to the network's by Pillow's bicubic filter with antialias,
        and the middle is cut out.
        """
        from PIL import Image

        def features(pixels: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
            batch = torch.stack([self._prepare(Image.fromarray(p)) for p in pixels])
            return self._unit(self._model.encode_image(batch))

        return _batched(features, list(images.bytes_()))

    def texts(self, texts: Sequence[str]) -> Features:
        """Return the features of prompts (n, d), each row of length 1.

        Of a prompt that is too long the end is not read.
        """

        def features(part: Sequence[str]) -> torch.Tensor:
            return self._unit(self._model.encode_text(self._tokenizer(list(part))))

        return _batched(features, [self._template.format(text) for text in texts])

    def truncated(self, texts: Sequence[str]) -> int:
        """Return how many of the prompts are longer than the network reads."""
        return int(_too_long([self._template.format(t) for t in texts], self._tokenizer).sum())

    @staticmethod
    def _unit(features: torch.Tensor) -> torch.Tensor:
        return features / features.norm(dim=-1, keepdim=True)


def similarity(one: Features, other: Features) -> Scores:
    """Return the cosine of each row with the same row of the other (n,), −1…1.

    Of images and their prompts this is the CLIP score (Radford et al., Learning transferable
    visual models from natural language supervision, ICML 2021; Hessel et al., CLIPScore, EMNLP
    2021, without its factor 2.5 and without cutting at 0).

    Raises:
        FeaturesError: the shapes differ.
    """
    if one.shape != other.shape:
        raise FeaturesError(f"features of one shape were expected, not {one.shape}, {other.shape}")
    cosines: Scores = np.einsum("nd,nd->n", one, other, dtype=np.float64)
    return cosines


def temporal(frames: Features, count: int) -> Scores:
    """Return the mean cosine of consecutive frames of each video (n,), 1 for a still one.

    Args:
        frames: (n · count, d), the frames of the first video, then of the second….
        count: frames of a video, at least 2.

    Raises:
        FeaturesError: a video of one frame has no consecutive ones.
    """
    videos = _videos(frames, count)
    cosines: Scores = np.einsum("ntd,ntd->nt", videos[:, 1:], videos[:, :-1]).mean(axis=1)
    return cosines


def temporal_first(frames: Features, count: int) -> Scores:
    """Return the consistency (n,) as VBench has it for backgrounds (Huang et al., CVPR 2024).

    Each frame but the first has half the sum of its cosines with the frame before it and with the
    first, both cut at 0; a video the mean of them. Arguments and errors as of :func:`temporal`.
    """
    videos = _videos(frames, count)
    before = np.einsum("ntd,ntd->nt", videos[:, 1:], videos[:, :-1])
    first = np.einsum("ntd,nd->nt", videos[:, 1:], videos[:, 0])
    both: Scores = ((np.maximum(before, 0) + np.maximum(first, 0)) / 2).mean(axis=1)
    return both


def directional(
    source: Features, made: Features, source_texts: Features, texts: Features
) -> Scores:
    """Return how far an edit goes where its prompt goes: the cosine of the two differences (n,).

    This is 1 less the directional loss of Gal et al., StyleGAN-NADA: CLIP-guided domain
    adaptation of image generators, SIGGRAPH 2022, eq. 2. What did not move at all has 0.

    Args:
        source, made: (n, d) features of the images before and after.
        source_texts, texts: (n, d) of the prompts that describe them.
    """
    moved = np.subtract(made, source, dtype=np.float64)
    meant = np.subtract(texts, source_texts, dtype=np.float64)
    lengths = np.linalg.norm(moved, axis=1) * np.linalg.norm(meant, axis=1)
    product = np.einsum("nd,nd->n", moved, meant)
    cosines: Scores = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
    return cosines


# --- metrics: each factory returns a callable from artifacts to a score for each sample ---------


def clip_score(network: str, owner: str, template: str = "{}") -> Callable[[Samples], Scores]:
    """Make the cosine of each sample with its prompt; of videos and views the mean over images.

    The callable raises ``Lacking`` where there are no prompts.
    """
    clip = Clip.load(network, template, owner)

    def measure(samples: Samples) -> Scores:
        texts = clip.texts(_prompts(samples))
        note("truncated_prompts", clip.truncated(samples.prompts))
        every = np.repeat(texts, samples.frames, axis=0)
        return _of_samples(similarity(clip.images(samples.images), every), samples)

    return measure


def clip_truncated(template: str = "{}") -> Callable[[Samples], Scores]:
    """Make 1 for a prompt that is longer than CLIP reads, else 0; it needs no weights.

    The callable raises ``Lacking`` where there are no prompts.
    """
    import open_clip

    tokenizer = open_clip.SimpleTokenizer()

    def measure(samples: Samples) -> Scores:
        texts = [template.format(text) for text in _prompts(samples)]
        return _too_long(texts, tokenizer).astype(np.float64)

    return measure


def clip_similarity(network: str, owner: str) -> Callable[[Samples, Samples], Scores]:
    """Make the cosine of each image with its target, the mean over the images of a sample."""
    clip = Clip.load(network, owner=owner)

    def measure(targets: Samples, made: Samples) -> Scores:
        return _of_samples(similarity(clip.images(targets.images), clip.images(made.images)), made)

    return measure


def clip_temporal(network: str, owner: str) -> Callable[[Samples], Scores]:
    """Make the mean cosine of consecutive frames of each video."""
    clip = Clip.load(network, owner=owner)
    return lambda videos: temporal(clip.images(videos.images), videos.frames)


def clip_temporal_first(network: str, owner: str) -> Callable[[Samples], Scores]:
    """Make the mean of the cosines with the frame before and with the first, as VBench has it."""
    clip = Clip.load(network, owner=owner)
    return lambda videos: temporal_first(clip.images(videos.images), videos.frames)


def clip_directional(
    network: str, owner: str, template: str = "{}"
) -> Callable[[Samples, Samples], Scores]:
    """Make the cosine of what an edit changed with what it was asked to change.

    The callable takes what was edited and what came out, both with prompts that describe them,
    and raises ``Lacking`` where there are none. Of videos it is the mean over frames.
    """
    clip = Clip.load(network, template, owner)

    def measure(sources: Samples, made: Samples) -> Scores:
        texts = [clip.texts(_prompts(s)).repeat(s.frames, axis=0) for s in (sources, made)]
        images = [clip.images(s.images) for s in (sources, made)]
        return _of_samples(directional(*images, *texts), made)

    return measure


def _openai(path: Path) -> Any:
    """Return the model in a file of OpenAI, strictly; sizes are those of the file's arrays."""
    from open_clip.model import (  # type: ignore[import-untyped]
        build_model_from_openai_state_dict,
    )

    with warnings.catch_warnings():
        # The archive is read by torch's own parser, which runs none of Python's pickles.
        warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", FutureWarning)
        state = torch.jit.load(path, map_location="cpu").state_dict()
    return build_model_from_openai_state_dict(state, cast_dtype=torch.float32).float().eval()


def _openclip(architecture: str, path: Path) -> Any:
    """Return the model of an architecture with a state dict of open_clip, strictly."""
    import open_clip

    model = open_clip.CLIP(**open_clip.get_model_config(architecture))
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    model.load_state_dict(state, assign=True)
    return model.float().eval()


def _batched(features: Callable[[Any], torch.Tensor], given: Sequence[Any]) -> Features:
    starts = range(0, len(given), _BATCH)
    with torch.inference_mode():
        found = [features(given[start : start + _BATCH]).numpy() for start in starts]
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def _too_long(texts: Sequence[str], tokenizer: Any) -> NDArray[np.bool_]:
    return np.array([len(tokenizer.encode(text)) + 2 > TOKENS for text in texts], bool)


def _prompts(samples: Samples) -> tuple[str, ...]:
    if not samples.prompts:
        raise Lacking("CLIP compares with prompts, and these samples have none")
    return samples.prompts


def _of_samples(values: Scores, samples: Samples) -> Scores:
    means: Scores = values.reshape(len(samples), samples.frames).mean(axis=1)
    return means


def _videos(frames: Features, count: int) -> Scores:
    if count < 2 or len(frames) % count:
        raise FeaturesError(f"{len(frames)} frames are no videos of {count}, 2 or more each")
    return frames.astype(np.float64).reshape(-1, count, frames.shape[1])
