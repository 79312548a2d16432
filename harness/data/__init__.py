"""Files that are fetched once and verified by digest: data sets and weights alike.

A file of an owner (a dataset or a model) is looked for in ``$HARNESS_DATA/OWNER/NAME``, then in
``cache_dir()/OWNER/NAME``; it is downloaded into the second, and used only where its sha256 is
the declared one.
"""

from __future__ import annotations

from harness.data.cache import DamagedError, cache_dir, resource_path
from harness.data.digest import FileMemo, file_sha256, remembered_sha256
from harness.data.download import DownloadError, download
from harness.data.exchange import export, known_files, take
from harness.data.manage import FileStatus, pull, status, verify

__all__ = [
    "DamagedError",
    "DownloadError",
    "FileMemo",
    "FileStatus",
    "cache_dir",
    "download",
    "export",
    "file_sha256",
    "known_files",
    "pull",
    "remembered_sha256",
    "resource_path",
    "status",
    "take",
    "verify",
]
