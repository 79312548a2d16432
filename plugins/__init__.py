"""Plugins that ship with the harness, on exactly the hooks a third party has."""
