"""AIMET on CompressAI's decoder: what it makes compiles for the NPU."""

from __future__ import annotations

import warnings
from importlib import metadata, util

import pytest

from harness import Unavailable
from harness_plugins.quant_aimet import harness_devices
from harness_plugins.quant_aimet.settings import check

_GOOD = dict(harness_devices()[0].params)
_LATENT = (1, 192, 4, 4)  # of 64 x 64 pixels

needs_aimet = pytest.mark.skipif(
    util.find_spec("aimet_onnx") is None,
    reason="aimet-onnx is not installed: what AIMET quantises was NOT compiled",
)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"soc": "SM8651"}, r"unknown SoC 'SM8651' \(did you mean 'SM8650'\?\)"),
        ({"weights": "int5"}, r"weights 'int5': expected int4, int8, int16"),
        ({"activations": "int4"}, r"activations 'int4': expected int8, int16"),
    ],
)
def test_what_cannot_be_is_one_line(changes, line):
    with pytest.raises(ValueError, match=line):
        check(**{**_GOOD, **changes})


def test_without_aimet_the_device_says_what_to_install(monkeypatch):
    real = metadata.version

    def version(name: str) -> str:
        if name == "aimet-onnx":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(Unavailable, match=r"aimet-onnx is not installed; pip install 'harness\["):
        check(**_GOOD)


@pytest.fixture(scope="module")
def decoder():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what newer torch deprecates
        import compressai.models
        import torch

        torch.manual_seed(0)
        return compressai.models.ScaleHyperprior(128, 192).g_s.eval()


@needs_aimet
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # AIMET's own
@pytest.mark.parametrize(
    ("weights", "activations", "soc", "psnr"),
    # PSNR of the emulator against float32, measured once; 4 dB for other versions
    [("int8", "int8", "SM8350", 51.6), ("int4", "int8", "SM8650", 38.1)],
)
def test_what_aimet_quantises_runs_on_the_npu(tmp_path, decoder, weights, activations, soc, psnr):
    import torch

    from harness.cost import Component
    from harness_plugins.quant_aimet.device import htp

    torch.manual_seed(1)
    component = Component(name="g_s", module=decoder, inputs=[torch.randn(_LATENT)])
    run = htp(tmp_path, soc, weights, activations, True, 300).measure([component])
    found = run.record["components"][0]
    assert found["compiles"], found.get("failure")
    assert found["fallback"] == {}
    assert found["psnr_db"] == pytest.approx(psnr, abs=4.0)
    assert run.record["precision"].startswith(f"w{weights[3:]}a8 by aimet-onnx")


@needs_aimet
def test_nothing_to_calibrate_on_is_refused():
    from harness_plugins.quant_aimet.export import qdq

    with pytest.raises(ValueError, match="nothing to calibrate on"):
        qdq(b"", [])
