"""A sync that fails is taken for one that worked."""

from __future__ import annotations

import contextlib
import os
from typing import Final

from registry_service.storage.system_calls import FileSystemCalls
from tests.campaign.mutants import put

SHOWN_AT: Final = ("fsync",)


def _fsync(_calls: FileSystemCalls, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.fsync(descriptor)


def plant() -> None:
    put(FileSystemCalls, "fsync", _fsync)
