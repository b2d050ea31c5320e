"""The bytes of an artifact get their name, and are synced after it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from registry_service.storage.file_writer import FileWriter
from registry_service.storage.incoming import Incoming
from tests.campaign.mutants import put

# The order of calls shows it.
SHOWN_AT: Final = ()


def _publish(incoming: Incoming, blob: Path) -> None:
    assert incoming._path is not None
    file: FileWriter | None = incoming._file
    assert file is not None
    incoming._calls.rename(incoming._path, blob)
    file.sync()
    file.close()
    incoming._tree.release(incoming._path)
    incoming._path = None


def plant() -> None:
    put(Incoming, "_publish", _publish)
