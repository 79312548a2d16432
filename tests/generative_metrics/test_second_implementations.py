"""The other packages' own code on the same input, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.generative.metrics.frechet import frechet_distance
from harness_plugins.generative.metrics.kernel import kid
from harness_plugins.generative.metrics.manifold import manifold
from harness_plugins.generative.metrics.resize import WAYS

_FIDELITY = "torch-fidelity is missing: its formulas were NOT compared"
_PRDC = "prdc is missing: precision, recall, density and coverage were NOT compared with it"
_CLEAN = "clean-fid is missing: its resizing was NOT compared"


@pytest.fixture
def sets(rng):
    mix = rng.normal(size=(24, 24))
    return rng.normal(size=(150, 24)) @ mix + 0.3, 1.2 * rng.normal(size=(200, 24)) @ mix


def test_torch_fidelity(sets) -> None:
    fid = pytest.importorskip("torch_fidelity.metric_fid", reason=_FIDELITY)
    torch = pytest.importorskip("torch")
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    x, y = sets
    one, other = (fid.fid_features_to_statistics(torch.from_numpy(v)) for v in sets)
    theirs = fid.fid_statistics_to_metric(one, other, verbose=False)[fid.KEY_METRIC_FID]
    assert frechet_distance(x, y) == pytest.approx(theirs, rel=1e-6)

    whole = kid_features_to_metric(
        torch.from_numpy(x),
        torch.from_numpy(y[:150]),
        kid_subsets=1,
        kid_subset_size=150,
        verbose=False,
    )
    assert kid(x, y[:150]).value == pytest.approx(whole[KEY_METRIC_KID_MEAN], rel=1e-9)

    shares = prc_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), verbose=False)
    ours = manifold(x, y)
    assert ours.precision.value == pytest.approx(shares["precision"], abs=1e-6)
    assert ours.recall.value == pytest.approx(shares["recall"], abs=1e-6)


def test_prdc(sets) -> None:
    prdc = pytest.importorskip("prdc", reason=_PRDC)
    x, y = sets
    for k in (3, 5):
        theirs = prdc.compute_prdc(real_features=y, fake_features=x, nearest_k=k)
        ours = manifold(x, y, k, k)
        for name, value in theirs.items():
            assert getattr(ours, name).value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("size", [(512, 512), (70, 300), (300, 70)])
def test_resizing(rng, size) -> None:
    cleanfid = pytest.importorskip("cleanfid.resize", reason=_CLEAN)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    assert (
        np.abs(WAYS["torch-legacy"](image) - cleanfid.build_resizer("legacy_pytorch")(image)).max()
        < 0.02
    )
    assert (WAYS["clean"](image) == cleanfid.build_resizer("clean")(image)).all()
    tf = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow", reason=_FIDELITY)
    torch = pytest.importorskip("torch")
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    found = tf.interpolate_bilinear_2d_like_tensorflow1x(
        planes, size=(299, 299), align_corners=False
    )
    assert np.abs(WAYS["tf-legacy"](image) - found[0].permute(1, 2, 0).numpy()).max() < 1e-4
