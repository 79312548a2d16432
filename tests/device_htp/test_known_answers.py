"""What is known of two networks: a codec's decoder with 16-bit powers, and a transformer.

Which chips compile the decoder, and the transformer's 571 operators, were found with
onnxruntime-qnn 2.7.0 (QNN 2.51.0) apart from this code.
"""

from __future__ import annotations

import pytest
import torch
import torchvision

from harness.cost import Component
from harness_plugins.device_htp.socs import SOCS

_LATENT = (1, 192, 4, 4)  # of 64 x 64 pixels


def _only(bench, module, inputs):
    run = bench.measure([Component(name="part", module=module, inputs=inputs, step="decode")])
    return run.record["components"][0], run


def test_the_decoder_compiles_in_float_for_a_chip_with_16_bit_floats(htp, decoder):
    found, run = _only(htp("SM8450"), decoder, [_LATENT])
    assert found["compiles"]
    assert found["placement"] == {"NPU": 18, "CPU": 0}
    assert found["fallback"] == {}
    assert found["compiled_for"] == "SM8450, Hexagon v69"
    assert found["context_bytes"] > 1_000_000  # 3 million weights
    assert run.record["kind"] == "simulated"
    assert run.record["device"]["versions"].keys() >= {"onnxruntime-qnn", "onnxruntime", "QNN"}


def test_the_decoder_does_not_compile_in_float_for_snapdragon_888(htp, decoder):
    found, run = _only(htp("SM8350"), decoder, [_LATENT])
    assert not found["compiles"]
    assert "could not create op" in found["failure"]
    assert "\n" not in found["failure"]
    assert found["placement"]["NPU"] == 0 < found["placement"]["CPU"]
    assert not run.outputs


def test_a_chip_without_16_bit_floats_says_that(htp, decoder):
    found, _ = _only(htp("QCM6490"), decoder, [_LATENT])
    assert not found["compiles"]
    assert found["failure"].startswith("The SocModel doesn't support FP16")


def test_the_decoder_in_int8_compiles_for_snapdragon_888(htp, decoder):
    found, _ = _only(htp("SM8350", "int8"), decoder, [_LATENT])
    assert found["compiles"]
    assert found["placement"]["CPU"] == 0
    assert found["compiled_for"] == "SM8350, Hexagon v68"


@pytest.mark.slow
@pytest.mark.parametrize("soc", SOCS)
def test_float_needs_v69_and_int8_runs_everywhere(htp, decoder, soc):
    architecture = SOCS[soc].architecture
    in_float, _ = _only(htp(soc), decoder, [_LATENT])
    in_int8, _ = _only(htp(soc, "int8"), decoder, [_LATENT])
    assert in_float["compiles"] == (architecture >= 69)
    assert in_int8["compiles"]
    chip, _, version = in_int8["compiled_for"].partition(", Hexagon v")
    assert int(version) == architecture
    assert chip == {"QCM6490": "QCS6490"}.get(soc, soc)  # one chip under two names


@pytest.mark.parametrize(("precision", "psnr"), [("float", 79.7), ("int8", 49.4)])
def test_the_emulator_computes_in_the_precision_asked_for(htp, decoder, precision, psnr):
    # Measured once with the seeds below; 3 dB for other versions of compiler and exporter.
    torch.manual_seed(1)
    found, run = _only(htp(precision=precision, numerics=True), decoder, [torch.randn(_LATENT)])
    assert found["psnr_db"] == pytest.approx(psnr, abs=3.0)
    assert found["sqnr_db"] < found["psnr_db"]
    assert run.outputs["part"].shape == run.outputs["part|host"].shape == (1, 3, 64, 64)


@pytest.mark.slow
def test_swin_t_runs_on_the_npu_alone(htp):
    torch.manual_seed(0)
    found, _ = _only(htp("SM8650"), torchvision.models.swin_t(weights=None), [(1, 3, 224, 224)])
    assert found["compiles"]
    assert found["placement"] == {"NPU": 571, "CPU": 0}
