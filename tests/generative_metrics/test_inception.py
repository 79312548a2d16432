"""Inception with seeded random weights in the file's real format, against torch-fidelity's own."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from harness.data import DamagedError
from harness.spec import Unavailable
from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics import fixtures, inception, resize, weights
from harness_plugins.generative.metrics.extractors import INCEPTION_WAYS, extract


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Keep random weights of every layer, the classifier's too; return the file and its record."""
    import torch

    path = tmp_path_factory.mktemp("cache") / "fid_inception_tf" / weights.INCEPTION.name
    path.parent.mkdir()
    torch.save(fixtures.inception_state(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, dataclasses.replace(weights.INCEPTION, sha256=digest)


@pytest.fixture
def cache(monkeypatch, stored):
    path, resource = stored
    monkeypatch.setenv("HARNESS_CACHE", str(path.parents[1]))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setattr(inception, "INCEPTION", resource)
    return path


@pytest.fixture
def images(rng) -> Images:
    return Images.of(rng.integers(0, 256, (3, 47, 60, 3), dtype=np.uint8))


def test_features_are_those_of_torch_fidelity(cache, images) -> None:
    """The same layers in the same order: within 1e-5 of the largest feature."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3(
        "own", ["2048"], feature_extractor_weights_path=str(cache)
    )
    planes = torch.from_numpy(images.bytes_()).permute(0, 3, 1, 2)
    expected = theirs(planes)[0].numpy()
    found = inception.features(images, "tf-legacy", "fid_inception_tf")
    assert found.dtype == np.float32
    assert found.shape == (3, 2048)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert expected.std(axis=0).max() > 0.01 * np.abs(expected).max()  # images tell apart


def test_each_way_of_resizing_is_an_extractor_of_its_own(cache, images) -> None:
    found = {name: extract(name, images) for name in INCEPTION_WAYS}
    assert set(INCEPTION_WAYS.values()) == set(resize.WAYS)
    names = list(found)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            assert np.abs(found[one] - found[other]).max() > 1e-3 * np.abs(found[one]).max()


def test_images_of_299_are_the_same_by_every_way(cache, rng) -> None:
    images = Images.of(rng.integers(0, 256, (1, 299, 299, 3), dtype=np.uint8))
    first, *others = (extract(name, images) for name in INCEPTION_WAYS)
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-4 * np.abs(first).max())


def test_without_weights_it_is_unavailable(tmp_path, monkeypatch, images) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(Unavailable, match="weights-inception-2015-12-05-6726825d") as caught:
        extract("inception_clean", images)
    assert caught.value.remedy == "harness weights pull fid_inception_clean"


def test_an_aborted_download_is_refused(cache, tmp_path, monkeypatch, images) -> None:
    path = tmp_path / "fid_inception_tf" / cache.name
    path.parent.mkdir()
    path.write_bytes(cache.read_bytes()[:818_371])  # as one lies in a public repository
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    with pytest.raises(DamagedError, match="is damaged"):
        extract("inception_tf", images)


def test_a_file_of_another_network_is_refused(cache, tmp_path, monkeypatch, images) -> None:
    import torch

    state = torch.load(cache, weights_only=True)
    del state["Mixed_7c.branch1x1.conv.weight"]
    path = tmp_path / "fid_inception_tf" / cache.name
    path.parent.mkdir()
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(
        inception, "INCEPTION", dataclasses.replace(weights.INCEPTION, sha256=digest)
    )
    with pytest.raises(RuntimeError, match=r"Mixed_7c\.branch1x1"):
        extract("inception_tf", images)
