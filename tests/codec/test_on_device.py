"""Quality of a reconstruction that a device made."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.cost import Component, NotMeasuredError, Run
from harness_plugins.codec.on_device import device, psnr_on_device

IMAGE = np.random.default_rng(3).integers(0, 256, (10, 12, 3), dtype=np.uint8)


class Padded:
    """A codec whose synthesis returns the image, padded to 16 x 16."""

    output = "reconstruction"

    def components(self, image, _point):
        x = torch.zeros(1, 3, 16, 16)
        x[0, :, :10, :12] = torch.from_numpy(image.transpose(2, 0, 1) / 255.0)
        return [Component(name="g_s", module=torch.nn.Identity(), inputs=[x], output=self.output)]


class Bench:
    """A device that adds an error to everything."""

    def __init__(self, error):
        self.error = error

    def measure(self, components):
        outputs = {c.name: c.module(*c.inputs).numpy() + self.error for c in components}
        return Run(record={"components": [{"name": c.name} for c in components]}, outputs=outputs)


def run(error, codec=None):
    return device(codec or Padded(), {"reference": IMAGE}, {}, 0, Bench(error))["device_outputs"]


def test_the_reconstruction_is_cut_to_the_image():
    outputs = run(0.0)
    assert np.array_equal(outputs["reconstruction"], IMAGE)
    score = psnr_on_device()(outputs)
    assert (score.value, score.how) == (float("inf"), "10x12x3")


def test_psnr_is_that_of_the_devices_output():
    image = run(10 / 255)["reconstruction"].astype(float)
    error = np.mean((np.minimum(IMAGE.astype(float) + 10, 255) - IMAGE) ** 2)
    assert np.array_equal(image, np.minimum(IMAGE.astype(float) + 10, 255))
    found = psnr_on_device()(run(10 / 255)).value
    assert found == pytest.approx(10 * np.log10(255**2 / error))


def test_without_a_reconstruction_there_is_no_quality():
    codec = Padded()
    codec.output = ""
    with pytest.raises(NotMeasuredError, match="no component of the model returned"):
        psnr_on_device()(run(0.0, codec))
