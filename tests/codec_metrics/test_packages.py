"""Against the packages the field uses; where one goes by another convention, it is named."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.codec.metrics.fidelity import psnr_rgb, psnr_yuv
from harness_plugins.codec.metrics.structural import ms_ssim, ssim

pytestmark = pytest.mark.slow
QUALITIES = [10, 60]


@pytest.fixture(scope="module", params=QUALITIES)
def pair(request, photo, jpeg):
    return photo, jpeg(photo, request.param)


@pytest.fixture(scope="module")
def odd_pair(photo, jpeg):
    image = np.ascontiguousarray(photo[:501, :399])
    return image, jpeg(image, 10)


@pytest.fixture(scope="module")
def torchmetrics():
    import torchmetrics.functional.image

    return torchmetrics.functional.image


@pytest.fixture(scope="module")
def pyiqa():
    import pyiqa

    return lambda name: pyiqa.create_metric(name, device="cpu")


def test_psnr(pair, tensors, torchmetrics, pyiqa) -> None:
    import piq

    ours = psnr_rgb()(*pair)
    x, y = tensors(*pair)
    theirs = torchmetrics.peak_signal_noise_ratio(y, x, data_range=255.0).item()
    assert ours == pytest.approx(theirs, abs=1e-4)
    # piq and pyiqa add 1e-8 to the MSE of images in 0…1.
    assert ours == pytest.approx(piq.psnr(y, x, data_range=255.0).item(), abs=2e-3)
    assert ours == pytest.approx(pyiqa("psnr")(y / 255, x / 255).item(), abs=2e-3)


@pytest.mark.filterwarnings("ignore:.torch.(jit.script|cuda.amp.autocast).*depr:FutureWarning")
@pytest.mark.parametrize("weights", [(6, 1, 1), (4, 1, 1)])
def test_psnr_yuv_equals_that_of_compressai(weights, pair, tensors) -> None:
    from compressai.transforms.functional import rgb2ycbcr, yuv_444_to_420

    planes = [yuv_444_to_420(rgb2ycbcr(t.double() / 255)) for t in tensors(*pair)]
    errors = [((a - b) ** 2).mean().item() for a, b in zip(*planes, strict=True)]
    expected = np.average(-10 * np.log10(errors), weights=weights)
    assert psnr_yuv(weights)(*pair) == pytest.approx(expected, abs=1e-9)


def test_ssim(pair, tensors, torchmetrics, pyiqa) -> None:
    import piq

    ours = ssim()(*pair)
    x, y = tensors(*pair)
    theirs = piq.ssim(y, x, data_range=255.0, downsample=False).item()
    assert ours == pytest.approx(theirs, abs=5e-5)
    # pyiqa takes negative contrast for 0 at every position; its default, "ssim", is of luma.
    assert -1e-6 < pyiqa("ssimc")(y / 255, x / 255).item() - ours < 2e-4
    assert abs(ours - pyiqa("ssim")(y / 255, x / 255).item()) > 2e-3
    # torchmetrics mirrors at the border instead of leaving it out; piq halves by default.
    theirs = torchmetrics.structural_similarity_index_measure(y, x, data_range=255.0).item()
    assert 1e-5 < abs(ours - theirs) < 5e-3
    assert abs(ours - piq.ssim(y, x, data_range=255.0).item()) > 1e-2


def test_ms_ssim(pair, tensors, torchmetrics, pyiqa) -> None:
    import piq

    ours = ms_ssim()(*pair)
    x, y = tensors(*pair)
    theirs = piq.multi_scale_ssim(y, x, data_range=255.0).item()
    assert ours == pytest.approx(theirs, abs=2e-5)
    # torchmetrics mirrors at the border of every scale; pyiqa measures luma.
    theirs = torchmetrics.multiscale_structural_similarity_index_measure(y, x, data_range=255.0)
    assert 1e-6 < abs(ours - theirs.item()) < 2e-3
    assert ours < pyiqa("ms_ssim")(y / 255, x / 255).item() - 1e-3


def test_ms_ssim_of_odd_sizes_goes_by_pytorch_msssim(odd_pair, tensors) -> None:
    import piq
    import pytorch_msssim

    ours = ms_ssim()(*odd_pair)
    x, y = tensors(*odd_pair)
    theirs = pytorch_msssim.ms_ssim(x, y, data_range=255).item()
    assert ours == pytest.approx(theirs, abs=2e-5)
    # piq repeats the first odd row and column, and both where one is odd.
    assert 1e-4 < abs(ours - piq.multi_scale_ssim(y, x, data_range=255.0).item()) < 5e-3
