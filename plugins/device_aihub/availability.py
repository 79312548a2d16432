"""What can be said of AI Hub without asking it, and without importing its client."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from harness.errors import nearest
from harness.spec import Unavailable

__all__ = ["EXPORTS", "HOW_TO_GET_IN", "PIP", "RUNTIMES", "check", "config_path"]

PIP = 'pip install "harness[edge]"'
HOW_TO_GET_IN = (
    "sign up at https://aihub.qualcomm.com, copy the token from your account page, and run: "
    "qai-hub configure --api_token TOKEN"
)
# values of the compiler's --target_runtime
RUNTIMES = (
    "qnn_dlc",
    "qnn_context_binary",
    "qnn_lib_aarch64_android",
    "tflite",
    "onnx",
    "precompiled_qnn_onnx",
)
EXPORTS = ("pt2", "onnx")


def config_path() -> Path:
    """Return where the client looks for its configuration: the same order as its own."""
    return Path(os.environ.get("QAIHUB_CLIENT_INI", "~/.qai_hub/client.ini")).expanduser()


def check(
    device: str,
    runtime: str,
    options: str,
    profile_options: str,
    export: str,
    jobs: int,
    budget: int,
    deadline: float,
) -> None:
    """Check parameters, the client, and that it has a configuration.

    Which devices there are, only AI Hub knows: a name that it does not have is found when it is
    asked.

    Raises:
        Unavailable: the client or its configuration is missing.
        ValueError: a parameter that cannot be.
    """
    if not isinstance(device, str) or not device.strip():
        raise ValueError(f"device must be the name of one or an attribute, got {device!r}")
    for what, value, known in (("runtime", runtime, RUNTIMES), ("export", export, EXPORTS)):
        if value not in known:
            raise ValueError(
                f"{what} must be one of {', '.join(known)}, got {value!r}"
                f"{nearest(str(value), known)}"
            )
    for what, text in (("options", options), ("profile_options", profile_options)):
        if not isinstance(text, str):
            raise ValueError(  # noqa: TRY004 - a value of the suite
                f"{what} must be a text as on AI Hub's command line, got {text!r}"
            )
    if "--target_runtime" in options:
        raise ValueError("options: --target_runtime is what the parameter runtime says")
    for what, number in (("jobs", jobs), ("budget", budget)):
        if type(number) is not int or number < 1:
            raise ValueError(f"{what} must be a whole number of at least 1, got {number!r}")
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or not deadline > 0:
        raise ValueError(f"deadline must be a number of seconds above 0, got {deadline!r}")
    if importlib.util.find_spec("qai_hub") is None:
        raise Unavailable("qai-hub is not installed", PIP)
    if not config_path().is_file():
        raise Unavailable("there is no AI Hub token", HOW_TO_GET_IN)
