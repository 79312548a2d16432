"""LPIPS and DISTS with randomly initialised backbones, taken from a weights cache.

What is compared is everything but the weights' values: the cache, the loading, the layers, the
normalisation, the linear heads (those the packages ship) and the pooling.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.data import DamagedError
from harness.spec import Unavailable
from harness_plugins.codec.metrics import METRICS, weights

NETS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


@pytest.fixture(scope="module")
def backbones():
    """Build torchvision networks with random weights; the classifier is left out."""
    import torch
    import torchvision

    torch.manual_seed(11)
    built = {}
    for net, name in NETS.items():
        with torch.device("meta"):
            model = getattr(torchvision.models, name)()
        model.features.to_empty(device="cpu")
        for parameter in model.features.parameters():
            if parameter.dim() > 1:
                torch.nn.init.kaiming_normal_(parameter)
            else:
                torch.nn.init.normal_(parameter, std=0.1)
        built[net] = model.eval()
    return built


@pytest.fixture(scope="module")
def heads():
    """Make alpha and beta of DISTS, positive as the learned ones are."""
    import torch

    generator = torch.Generator().manual_seed(3)
    return {n: torch.rand((1, 1475, 1, 1), generator=generator) for n in ("alpha", "beta")}


@pytest.fixture(scope="module")
def stored(tmp_path_factory, backbones, heads):
    """Store the random weights as a cache would; yield its folder and the new declarations."""
    import torch

    from harness_plugins.codec.metrics import perceptual

    folder = tmp_path_factory.mktemp("cache")

    def put(owner, resource, state):
        path = folder / owner / resource.name
        path.parent.mkdir(exist_ok=True)
        torch.save(state, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return dataclasses.replace(resource, sha256=digest)

    declared = {}
    for net, (resource, _) in perceptual.BACKBONES.items():
        features = backbones[net].features.state_dict(prefix="features.")
        state = {**features, "classifier.1.bias": torch.ones(2)}
        declared[net] = put(f"lpips_{net}", resource, state)
    features = backbones["vgg"].features.state_dict(prefix="features.")
    declared["VGG16"] = put("dists", weights.VGG16, features)
    declared["DISTS"] = put("dists", weights.DISTS, heads)
    yield folder, declared
    shutil.rmtree(folder)


@pytest.fixture
def cache(monkeypatch, stored):
    """Make the random weights those that are declared and found."""
    from harness_plugins.codec.metrics import perceptual

    folder, declared = stored
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    for net, (_, least) in perceptual.BACKBONES.items():
        monkeypatch.setitem(perceptual.BACKBONES, net, (declared[net], least))
    for name in ("VGG16", "DISTS"):
        monkeypatch.setattr(weights, name, declared[name])
    return folder


def make(name):
    from harness_plugins.codec.metrics import perceptual

    return perceptual.dists() if name == "dists" else perceptual.lpips(name)


@pytest.fixture(scope="module")
def pair(photo, jpeg):
    image = np.ascontiguousarray(photo[70:166, 180:285])
    return image, jpeg(image, 20)


@pytest.mark.parametrize(
    "name", ["alex", pytest.param("vgg", marks=pytest.mark.slow), "squeeze", "dists"]
)
def test_zero_for_equal_images_symmetric_and_rising_with_noise(name, cache, pair, noisy) -> None:
    metric = make(name)
    x, y = pair
    assert metric(x, x) == pytest.approx(0, abs=1e-6)
    assert metric(x, y) == pytest.approx(metric(y, x), rel=1e-5)
    values = [metric(x, noisy(x, a)) for a in (2, 8, 32)]
    assert 0 < values[0] < values[1] < values[2]
    low, high = next(m.range for m in METRICS if name in (m.name, m.params.get("net")))
    assert low <= values[2] <= high


@pytest.mark.parametrize(
    ("name", "least"),
    [("alex", 31), pytest.param("vgg", 16, marks=pytest.mark.slow), ("squeeze", 17)],
)
def test_the_smallest_image_is_the_one_the_backbone_takes(name, least, cache) -> None:
    metric = make(name)
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 256, (least, least + 9, 3), dtype=np.uint8) for _ in range(2))
    assert metric(x, y) > 0
    with pytest.raises(ValueError, match=f"at least {least} pixels: the pooling of {name}"):
        metric(x[1:], y[1:])


def test_the_smallest_image_of_dists(cache) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 256, (16, 25, 3), dtype=np.uint8) for _ in range(2))
    assert make("dists")(x, y) > 0
    with pytest.raises(ValueError, match="at least 16 pixels"):
        make("dists")(x[1:], y[1:])


@pytest.mark.parametrize("name", [*NETS, "dists"])
def test_without_weights_it_is_unavailable_and_says_what_to_do(
    name, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    owner = name if name == "dists" else f"lpips_{name}"
    with pytest.raises(Unavailable) as caught:
        make(name)
    assert caught.value.remedy == f"harness weights pull {owner}"


def test_the_learned_heads_of_dists_are_the_declared_file() -> None:
    # torchmetrics ships the authors' file.
    import torch

    package = Path(importlib.util.find_spec("torchmetrics").origin).parent
    path = package / "functional" / "image" / "dists_models" / "weights.pt"
    data = path.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (
        weights.DISTS.size,
        weights.DISTS.sha256,
    )
    state = torch.load(path, map_location="cpu", weights_only=True)
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        "alpha": (1, 1475, 1, 1),
        "beta": (1, 1475, 1, 1),
    }


def test_damaged_weights_are_refused(cache, tmp_path, monkeypatch) -> None:
    shutil.copytree(cache / "lpips_squeeze", tmp_path / "lpips_squeeze")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    with next((tmp_path / "lpips_squeeze").glob("*.pth")).open("ab") as file:
        file.write(b"x")
    with pytest.raises(DamagedError, match=r"squeezenet1_1-b8a52dc0\.pth is damaged"):
        make("squeeze")


def test_lpips_alex_is_its_formula(cache, backbones, pair, tensors) -> None:
    # Eq. 1 written out, with the heads as the package ships them.
    import torch

    package = Path(importlib.util.find_spec("lpips").origin).parent
    lins = torch.load(package / "weights" / "v0.1" / "alex.pth", map_location="cpu")
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    hidden = [(t - mean) / std for t in tensors(*pair, scale=255)]
    expected, taps = 0.0, {1: 0, 4: 1, 7: 2, 9: 3, 11: 4}
    with torch.inference_mode():
        for index, layer in enumerate(backbones["alex"].features[:12]):
            hidden = [layer(h) for h in hidden]
            if index in taps:
                unit = [h / (h.square().sum(1, keepdim=True).sqrt() + 1e-10) for h in hidden]
                weight = lins[f"lin{taps[index]}.model.1.weight"]
                expected += ((unit[0] - unit[1]) ** 2 * weight).sum(1).mean().item()
    assert make("alex")(*pair) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_lpips_equals_torchmetrics_and_pyiqa(
    net, cache, backbones, pair, tensors, monkeypatch
) -> None:
    import torch
    import torchvision
    from pyiqa.archs.lpips_arch import LPIPS
    from torchmetrics.functional.image.lpips import _LPIPS

    ours = make(net)(*pair)
    monkeypatch.setattr(torchvision.models, NETS[net], lambda **_: backbones[net])
    theirs = _LPIPS(net=net, pnet_rand=False)
    pyiqa = LPIPS(net=net, pretrained=False)
    own_heads = theirs.lins.state_dict()
    pyiqa.lins.load_state_dict(own_heads)
    x, y = tensors(*pair, scale=255)
    with torch.inference_mode():
        assert ours == pytest.approx(theirs(x, y, normalize=True).item(), rel=1e-5)
        assert ours == pytest.approx(pyiqa(x, y).item(), rel=1e-5)


@pytest.mark.slow
def test_dists_equals_pyiqa_torchmetrics_and_piq(
    cache, backbones, heads, pair, tensors, monkeypatch
) -> None:
    import piq.perceptual
    import pyiqa.archs.dists_arch
    import torch
    import torchmetrics.functional.image.dists
    import torchvision

    ours = make("dists")(*pair)
    x, y = tensors(*pair, scale=255)
    for module in (torchvision.models, torchmetrics.functional.image.dists, piq.perceptual):
        monkeypatch.setattr(module, "vgg16", lambda **_: backbones["vgg"])
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: heads)
    for network in (
        pyiqa.archs.dists_arch.DISTS(pretrained=False),
        torchmetrics.functional.image.dists.DISTSNetwork(load_weights=False),
    ):
        for name, value in heads.items():
            getattr(network, name).data = value
        with torch.inference_mode():
            assert ours == pytest.approx(network(x, y).item(), abs=1e-5)
    # piq divides by no sum of weights; it shrinks larger images than this one.
    total = heads["alpha"].sum() + heads["beta"].sum()
    normalised = {name: value / total for name, value in heads.items()}
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: normalised)
    monkeypatch.setattr(piq.perceptual, "vgg16", lambda **_: copy.deepcopy(backbones["vgg"]))
    assert ours == pytest.approx(piq.DISTS()(x, y).item(), abs=1e-5)
