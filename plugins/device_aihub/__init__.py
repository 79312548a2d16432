"""Qualcomm AI Hub: models are compiled for a Snapdragon device there, timed and run on it.

It needs an account's token in the configuration of the ``qai-hub`` client, which alone reads it::

    devices: [{aihub: "Samsung Galaxy S24 (Family)"}]

See ``docs/aihub.md``.
"""

from __future__ import annotations

from harness import hookimpl
from harness.spec import Device

__all__: list[str] = []

_HERE = "harness_plugins.device_aihub"


@hookimpl
def harness_devices() -> list[Device]:
    aihub = Device(
        name="aihub",
        kind="measured-device",
        factory=f"{_HERE}.bench:Hub",
        params={
            "device": "Samsung Galaxy S24 (Family)",
            "runtime": "qnn_dlc",
            "options": "",
            "profile_options": "",
            "export": "pt2",
            "jobs": 1,
            "budget": 50,
            "deadline": 540,
        },
        incidental=("budget", "deadline"),
        check=f"{_HERE}.availability:check",
        environment=(
            "QAIHUB_CLIENT_INI",
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "NO_PROXY",
            "no_proxy",
            "REQUESTS_CA_BUNDLE",
        ),
        requires=("qai-hub>=0.56", "torch>=2.6"),
        extra="edge",
        url="https://aihub.qualcomm.com",
        summary="a device of Qualcomm AI Hub, by its name or an attribute (chipset:…)",
    )
    return [aihub]
