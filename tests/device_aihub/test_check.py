"""What is said before anything is asked: by name, version and configuration alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from harness.spec import Unavailable
from harness_plugins.device_aihub import harness_devices
from harness_plugins.device_aihub.availability import check, config_path

[DEVICE] = harness_devices()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QAIHUB_CLIENT_INI", raising=False)
    return tmp_path


def _checked(**changes):
    check(**{**DEVICE.params, **changes})


def test_without_a_token_it_is_unavailable_and_says_how_to_get_one(home):
    with pytest.raises(Unavailable) as caught:
        _checked()
    assert caught.value.reason == "there is no AI Hub token"
    assert "sign up at https://aihub.qualcomm.com" in caught.value.remedy
    assert "qai-hub configure --api_token" in caught.value.remedy


def test_without_the_client_it_is_unavailable_and_says_how_to_install_it(home, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "qai_hub" else find(name)
    )
    with pytest.raises(Unavailable, match=r'pip install "harness\[edge\]"'):
        _checked()


def test_the_configuration_is_looked_for_where_the_client_does(home, monkeypatch):
    from qai_hub.api_utils import get_config_path

    assert str(config_path()) == get_config_path() == str(home / ".qai_hub" / "client.ini")
    monkeypatch.setenv("QAIHUB_CLIENT_INI", "~/elsewhere.ini")
    assert str(config_path()) == get_config_path() == str(home / "elsewhere.ini")
    (home / "elsewhere.ini").touch()
    _checked()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runtime": "qnn_dcl"}, "did you mean 'qnn_dlc'?"),
        ({"export": "torchscript"}, "export must be one of pt2, onnx"),
        ({"device": ""}, "device must be"),
        ({"device": 24}, "device must be"),
        ({"options": ["--quantize_io"]}, "options must be a text"),
        ({"options": "--target_runtime onnx"}, "the parameter runtime"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1"),
        ({"jobs": True}, "jobs must be a whole number"),
        ({"budget": 2.5}, "budget must be a whole number"),
        ({"deadline": 0}, "deadline must be a number of seconds above 0"),
        ({"deadline": "1h"}, "deadline must be a number of seconds"),
    ],
)
def test_parameters_that_cannot_be_are_refused_in_one_line(home, changes, said):
    with pytest.raises(ValueError, match=r"must|what") as caught:
        _checked(**changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_heavy_is_imported_and_nothing_is_asked(home):
    code = (
        "import sys, socket; socket.socket.connect = None\n"
        "from harness_plugins.device_aihub import harness_devices\n"
        "from harness_plugins.device_aihub.availability import check\n"
        "[device] = harness_devices()\n"
        "try: check(**device.params)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print([m for m in ('qai_hub', 'torch', 'numpy', 'h5py') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == ["Unavailable", "[]"]


def test_the_factory_takes_what_is_declared(tmp_path):
    import inspect

    from harness_plugins.device_aihub.bench import Hub

    inspect.signature(Hub).bind(tmp_path, **DEVICE.params)
    assert set(inspect.signature(check).parameters) == set(DEVICE.params)
