"""What variants that are calibrated see of an item, whichever task's it is."""

from __future__ import annotations

from typing import Any

from harness_plugins.generative.editing import stages as editing
from harness_plugins.generative.prompts import Prompts
from harness_plugins.generative.text_to_image import stages as text_to_image
from harness_plugins.generative.views import stages as views

__all__ = ["calibration"]


def calibration(item: Any) -> Any:
    """Return what ``components`` of the item's task take; other items are taken as they are."""
    if isinstance(item, Prompts):
        return text_to_image.calibration(item)
    if isinstance(item, dict) and "images" in item:
        return views.calibration(item)
    if isinstance(item, dict) and "frames" in item:
        return editing.calibration(item)
    return item
