"""Quality on a device: scored from the very run that was timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.cost.component import NotMeasuredError
from harness.cost.stages import measure_device, named_components
from harness.spec import Json, Signed

if TYPE_CHECKING:
    from harness.cost.component import Bench

__all__ = ["device", "psnr_on_device"]


def device(
    model: Any,
    inputs: Mapping[str, Any],
    point: Mapping[str, Json],
    _seed: int,
    bench: Bench,
) -> dict[str, Any]:
    """Run the codec's components on a device, for the image ``reference``.

    Where a component returns the reconstruction (``Component.output``), ``device_outputs`` holds
    it as ``reconstruction`` and the image as ``reference``, both uint8 (H, W, 3).
    """
    image = inputs["reference"]
    components = named_components(model, image, point)
    found = measure_device(components, bench)
    outputs: dict[str, Any] = found["device_outputs"]
    made = [c.name for c in components if c.output == "reconstruction" and c.name in outputs]
    if made:
        outputs["reconstruction"] = _as_image(outputs[made[0]], image.shape)
        outputs["reference"] = image
    return found


def _as_image(array: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return (1, 3, H', W') in 0…1 as uint8 (H, W, 3), padding cut off."""
    cut = array[0, :, : shape[0], : shape[1]].transpose(1, 2, 0)
    return np.clip(np.rint(np.nan_to_num(cut) * 255.0), 0, 255).astype(np.uint8)


def psnr_on_device() -> Callable[[Mapping[str, Any]], Signed]:
    """Return the metric: PSNR in dB over all samples of the image, 8 bit."""

    def compute(outputs: Mapping[str, Any]) -> Signed:
        if "reconstruction" not in outputs:
            raise NotMeasuredError("no component of the model returned a reconstruction")
        made, image = (outputs[n].astype(np.float64) for n in ("reconstruction", "reference"))
        error = float(np.mean((made - image) ** 2))
        shape = "x".join(map(str, image.shape))
        value = float("inf") if error == 0 else 10 * float(np.log10(255.0**2 / error))
        return Signed(value, how=shape)

    return compute
