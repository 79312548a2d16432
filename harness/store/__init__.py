"""Journal, artifacts by digest, and tables."""

from harness.store.journal import Journal, read_journal
from harness.store.store import Store, StoreFull, disk_trouble

__all__ = ["Journal", "Store", "StoreFull", "disk_trouble", "read_journal"]
