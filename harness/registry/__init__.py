"""Discovery of plugins, look-up by name, availability."""

from harness.registry.availability import check_available, installed, resolve, versions
from harness.registry.lookup import KINDS, Registry
from harness.registry.plugins import Plugin

__all__ = [
    "KINDS",
    "Plugin",
    "Registry",
    "check_available",
    "installed",
    "resolve",
    "versions",
]
