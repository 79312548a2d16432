"""Compile one ONNX file for one chip, and run it on the emulator: a process of its own.

Compiler and emulator are native code that may crash or never end, so this module is run as
``python -m harness_plugins.device_htp.compiler FOLDER`` and leaves what it found in files, step by
step: ``compiled.json``, then ``outputs.npz``. FOLDER holds ``model.onnx``, ``request.json``
(``{"soc": QNN's number, "numerics": bool}``) and, for the emulator, ``inputs.npz``.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["main"]

_PROVIDER = "QNN"
_CPU = "CPUExecutionProvider"


def main(folder: Path) -> None:
    """Do what ``request.json`` asks for; a model that does not compile is no error."""
    import onnxruntime

    request = json.loads((folder / "request.json").read_text())
    onnxruntime.set_default_logger_severity(0)  # only at this level does QNN give its reasons
    start = time.perf_counter()
    try:
        session = _session(folder, request["soc"])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        _leave(folder, {"compiles": False, "failure": _line(error)})
        return
    seconds = time.perf_counter() - start
    found = {"compile_seconds": seconds, **_placement(session), **_context(folder)}
    found["compiles"] = found["placement"]["NPU"] > 0
    if not found["compiles"]:
        found["failure"] = "every operator stays on the CPU"
    _leave(folder, found)
    if request["numerics"] and found["compiles"]:
        _emulate(session, folder)


def _session(folder: Path, soc: int) -> Any:
    """Return a session on the NPU of ``soc``, which has written the context binary."""
    import onnxruntime
    import onnxruntime_qnn

    onnxruntime.register_execution_provider_library(_PROVIDER, onnxruntime_qnn.get_library_path())
    devices = [d for d in onnxruntime.get_ep_devices() if d.ep_name == _PROVIDER]
    if not devices:
        raise RuntimeError("onnxruntime offers no QNN device")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 0
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.add_session_config_entry("ep.context_enable", "1")
    options.add_session_config_entry("ep.context_embed_mode", "0")
    options.add_session_config_entry("ep.context_file_path", str(folder / "context.onnx"))
    options.add_provider_for_devices(
        devices[:1],
        {
            "backend_path": onnxruntime_qnn.get_qnn_htp_path(),
            "soc_model": str(soc),  # without it, the oldest chip: wrong results and failures
            "offload_graph_io_quantization": "0",  # the NPU quantises its own input
        },
    )
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), options)


def _placement(session: Any) -> dict[str, Any]:
    """Return where onnxruntime put each operator: the list of providers does not tell."""
    found: dict[str, Counter[str]] = {_PROVIDER: Counter(), _CPU: Counter()}
    for part in session.get_provider_graph_assignment_info():
        found[part.ep_name].update(node.op_type for node in part.get_nodes())
    return {
        "placement": {"NPU": found[_PROVIDER].total(), "CPU": found[_CPU].total()},
        "fallback": dict(sorted(found[_CPU].items())),
    }


def _context(folder: Path) -> dict[str, Any]:
    """Return size of the context binaries, and the chip that stands in them."""
    binaries = sorted(folder.glob("context*.bin"))
    chip = None
    for path in binaries:
        chip = chip or re.search(rb"soc_type=(\w+);(?:[^;]*;)*?arch=(\d+)", path.read_bytes())
    found: dict[str, Any] = {"context_bytes": sum(path.stat().st_size for path in binaries)}
    if chip:
        found["compiled_for"] = f"{chip[1].decode()}, Hexagon v{chip[2].decode()}"
    return found


def _emulate(session: Any, folder: Path) -> None:
    with np.load(folder / "inputs.npz") as arrays:
        inputs = {value.name: arrays[value.name] for value in session.get_inputs()}
    start = time.perf_counter()
    outputs = session.run(None, inputs)
    seconds = time.perf_counter() - start
    part = folder / "outputs.part.npz"
    names = [f"output_{place}" for place in range(len(outputs))]
    np.savez(part, emulator_seconds=seconds, **dict(zip(names, outputs, strict=True)))
    part.rename(folder / "outputs.npz")


def _leave(folder: Path, found: dict[str, Any]) -> None:
    part = folder / "compiled.part"
    part.write_text(json.dumps(found))
    part.rename(folder / "compiled.json")


def _line(error: BaseException) -> str:
    """Return what onnxruntime says, without its codes."""
    text = " ".join(str(error).split())
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
