"""Journal, artifacts by digest, and tables."""

from harness.store.journal import Journal, read_journal
from harness.store.store import Store, StoreFull

__all__ = ["Journal", "Store", "StoreFull", "read_journal"]
