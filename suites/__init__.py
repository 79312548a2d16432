"""Suites that ship with the harness."""
