"""The bytes of an artifact get their name, and the client an answer, without having reached the disk."""

from __future__ import annotations

from typing import Final

from registry_service.storage.file_writer import FileWriter
from tests.campaign.mutants import put

# The order of calls shows it: no death of a process does, since what the kernel has is not lost by it.
SHOWN_AT: Final = ()


def plant() -> None:
    put(FileWriter, "sync", lambda _writer: None)
