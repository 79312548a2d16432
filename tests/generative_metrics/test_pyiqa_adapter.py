"""Metrics of pyiqa: those that work offline, files in real formats, and what is asked for."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import pickle
import pkgutil
import socket
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

from harness.registry import resolve
from harness.spec import Resource, Unavailable
from harness_plugins.codec.metrics import fixtures as codec
from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics import fixtures, no_reference, pyiqa_adapter, second
from harness_plugins.generative.metrics.clip import Clip
from harness_plugins.generative.metrics.no_reference import NO_REFERENCE, no_reference_metric
from harness_plugins.generative.samples import Samples

BY_NAME = {m.params["name"]: m for m in NO_REFERENCE}
CLIP_BASED = sorted(n for n, m in BY_NAME.items() if m.check.endswith("with_clip"))
URL = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main"


def make(metric):
    return resolve(metric.factory)(**metric.params)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """Refuse any connection, and let the cache be empty."""

    def refuse(*_, **__):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)


@pytest.fixture
def kept(tmp_path):
    """Keep a file for a metric as its cache does; return its record."""

    def keep(owner, name, write):
        path = tmp_path / owner / name
        path.parent.mkdir(exist_ok=True)
        write(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Resource(name=name, url=f"{URL}/{name}", sha256=digest)

    return keep


@pytest.fixture
def samples() -> Samples:
    images = [codec.pair(damage)[1][:128, :160] for damage in codec.DAMAGES]
    return Samples(Images.of(np.stack([codec.picture()[:128, :160], *images])), frames=2)


@pytest.mark.parametrize("name", ["piqe", "entropy"])
def test_what_needs_no_file_is_its_definition(name, samples) -> None:
    from skimage.measure import shannon_entropy

    def alone(image):
        luma = image @ np.array([0.299, 0.587, 0.114])
        return second.piqe(luma) if name == "piqe" else shannon_entropy(np.round(luma))

    expected = [np.mean([alone(image) for image in frames]) for frames in samples.sequences]
    found = make(BY_NAME[name])(samples)
    np.testing.assert_allclose(found, expected, atol=0.02 if name == "piqe" else 1e-4)


def test_a_black_image_has_no_piqe(samples) -> None:
    pixels = samples.images.bytes_().copy()
    pixels[0] = 0
    found = make(BY_NAME["piqe"])(Samples(Images.of(pixels)))
    assert np.isnan(found).tolist() == [True, False, False, False]


def test_niqe_reads_its_file(kept, samples) -> None:
    import torch
    from scipy.io import savemat

    random = np.random.RandomState(1)
    spread = random.normal(size=(36, 36))
    content = {"mu_prisparam": random.normal(size=(1, 36)), "cov_prisparam": spread @ spread.T}
    resource = kept("mine", "niqe_modelparameters.mat", lambda path: savemat(path, content))
    own = no_reference_metric("niqe", "", {"pyiqa": (resource,)}, called="mine")
    found = make(own)(Samples(samples.images))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyiqa.archs.niqe_arch import calculate_niqe

        planes = torch.from_numpy(samples.images.floats())
        parts = (torch.from_numpy(np.ravel(v) if v.shape[0] == 1 else v) for v in content.values())
        expected = calculate_niqe(planes, 0, True, "yiq", *parts)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5)
    assert resource.sha256[:8] in own.signature


@pytest.mark.parametrize("name", ["cnniqa", "wadiqam_nr"])
def test_a_network_reads_its_file_strictly(name, kept, samples) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyiqa.archs

        kind = {"cnniqa": "CNNIQA", "wadiqam_nr": "WaDIQaM"}[name]
        how = {"metric_type": "NR"} if name == "wadiqam_nr" else {}
        torch.manual_seed(2)
        options = {"type": kind, "pretrained": None, **how}
        network = pyiqa.archs.build_network(options).eval()
    state, file = {"params": network.state_dict()}, BY_NAME[name].weights[0].name
    resource = kept("mine", file, lambda path: torch.save(state, path))
    found = make(no_reference_metric(name, "", {"pyiqa": (resource,)}, called="mine"))(samples)
    with torch.inference_mode():
        single = [float(network(torch.from_numpy(p[None]))) for p in samples.images.floats()]
    np.testing.assert_allclose(found, np.reshape(single, (2, 2)).mean(axis=1), rtol=1e-5)

    del state["params"][next(iter(state["params"]))]
    short = kept("other", file, lambda path: torch.save(state, path))
    with pytest.raises(RuntimeError, match="Missing key"):
        make(no_reference_metric(name, "", {"pyiqa": (short,)}, called="other"))


class Harm:
    def __reduce__(self):
        return print, ("harm",)


def test_a_file_that_holds_more_than_tensors_is_refused(kept, capsys) -> None:
    import torch

    file = BY_NAME["cnniqa"].weights[0].name
    resource = kept("mine", file, lambda path: torch.save({"params": Harm()}, path))
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        make(no_reference_metric("cnniqa", "", {"pyiqa": (resource,)}, called="mine"))
    assert "harm" not in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"piqe", "entropy"}))
def test_without_its_files_it_is_unavailable_and_names_one(name) -> None:
    metric = BY_NAME[name]
    with pytest.raises(Unavailable) as caught:
        make(metric)
    assert any(w.name in str(caught.value) for w in metric.weights)
    assert caught.value.remedy == f"harness weights pull {metric.name}"


def test_a_file_that_no_one_declared_is_asked_for_in_vain() -> None:
    with pytest.raises(
        Unavailable, match=r"asks for .*brisque_svm_weights\.pth, which is not decl"
    ):
        pyiqa_adapter.no_reference("brisque", "mine", ())


def test_pyiqa_is_as_it_was_afterwards() -> None:
    import timm
    import torch
    import torchvision

    before = torch.load, torch.hub.get_dir(), timm.create_model, torchvision.models.vgg16
    make(BY_NAME["entropy"])
    after = torch.load, torch.hub.get_dir(), timm.create_model, torchvision.models.vgg16
    assert before == after


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {*CLIP_BASED, "piqe", "entropy", "niqe"}))
def test_it_asks_for_the_declared_files_and_no_others(name, monkeypatch) -> None:
    """Build every network, and take down what pyiqa would load into it."""
    import torch

    asked = []

    def ask(url, *_, **__):
        asked.append(Path(url).name)
        return "somewhere"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyiqa.archs

        for found in pkgutil.iter_modules(pyiqa.archs.__path__):
            with contextlib.suppress(ImportError):  # those on the package clip
                importlib.import_module(f"pyiqa.archs.{found.name}")
    for module in [m for n, m in sys.modules.items() if n.startswith("pyiqa.archs.")]:
        if hasattr(module, "load_pretrained_network"):
            monkeypatch.setattr(
                module, "load_pretrained_network", lambda _, path, *a, **k: ask(path)
            )
        if hasattr(module, "load_file_from_url"):
            monkeypatch.setattr(module, "load_file_from_url", ask)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda u, **k: ask(u) and {})
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: torch.nn.Identity())
    with warnings.catch_warnings(), pyiqa_adapter._closed(()):
        warnings.simplefilter("ignore")
        pyiqa.create_metric(name, device="cpu")
    assert sorted(asked) == sorted(w.name for w in BY_NAME[name].weights)


def test_clip_iqa_is_its_formula(kept, monkeypatch) -> None:
    """A small CLIP as ``RN50.pt``; the package clip finds the one thing it misses."""
    import packaging.version
    import torch

    stub = types.ModuleType("pkg_resources")
    stub.packaging = packaging
    monkeypatch.setitem(sys.modules, "pkg_resources", stub)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyiqa.archs import clip_model, clipiqa_arch
    own = fixtures.tiny_clip(quick_gelu=True)
    own.visual.positional_embedding.data.zero_()  # CLIP-IQA leaves it out
    resource = kept("mine", "RN50.pt", lambda p: fixtures.write_archive(own.state_dict(), p))
    address = f"https://openaipublic.azureedge.net/clip/models/{resource.sha256}/RN50.pt"
    monkeypatch.setitem(clip_model._MODELS, "RN50", address)
    images = Images.of(fixtures.pictures().bytes_()[:, :32, :32])  # its size: nothing is resized
    found = make(no_reference_metric("clipiqa", "", {"clip": (resource,)}, called="mine"))(
        Samples(images)
    )
    words = ("Good image", "bad image", "Sharp image", "blurry image", "sharp edges")
    words += ("blurry edges", "High resolution image", "low resolution image")
    words += ("Noise-free image", "noisy image")
    clip = Clip(own, "tiny")
    scale = float(own.logit_scale.detach().exp())
    logits = scale * clip.images(images) @ clip.texts(words).T
    pairs = torch.from_numpy(logits).reshape(3, 5, 2).softmax(dim=-1)
    np.testing.assert_allclose(found, pairs[..., 0].mean(dim=1), atol=1e-4)
    assert clipiqa_arch.load is clip_model.load


@pytest.mark.parametrize("name", CLIP_BASED)
def test_those_on_clip_say_what_the_package_clip_lacks(name, monkeypatch) -> None:
    metric = BY_NAME[name]
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(Unavailable, match="pkg_resources") as caught:
        resolve(metric.check)(**metric.params)
    assert caught.value.remedy == 'pip install "setuptools<81"'


def test_another_version_of_pyiqa_is_not_what_the_signature_tells(monkeypatch) -> None:
    no_reference.pinned(**BY_NAME["piqe"].params)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.2.0")
    with pytest.raises(Unavailable, match=r"pyiqa 0\.2\.0 is installed, the signature tells 0\.1"):
        no_reference.pinned()


def test_digests_are_those_that_names_and_addresses_tell() -> None:
    for metric in NO_REFERENCE:
        for resource in metric.weights:
            told = resource.name.rpartition(".")[0][-8:]
            digest = resource.sha256.removeprefix("sha256-prefix:")
            if all(c in "0123456789abcdef" for c in told):
                assert digest.startswith(told)
            else:
                assert len(digest) >= 16
            assert digest[:8] in metric.signature
    assert len({m.name for m in NO_REFERENCE}) == len(NO_REFERENCE) == 33
