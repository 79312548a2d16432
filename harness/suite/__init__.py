"""Suite files: their form, their faults, and what they mean."""

from harness.suite.load import load_suite, suite_schema
from harness.suite.schema import BoardForm, Limits
from harness.suite.suite import Entry, Suite, SuiteDataset, VariantUse

__all__ = [
    "BoardForm",
    "Entry",
    "Limits",
    "Suite",
    "SuiteDataset",
    "VariantUse",
    "load_suite",
    "suite_schema",
]
