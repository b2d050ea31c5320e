"""What a service does beside answering: files that it opens, connections, processes, unpickling.

Python's audit hooks tell of it, whatever the code (PEP 578). The service runs in threads of this process; what the
test itself does, on the main thread, doesn't count.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_FILES: Final = frozenset(
    {
        "open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.scandir",
        "sqlite3.connect",
    }
)  # fmt: skip
_NEVER: Final = frozenset(
    {
        "socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class",
        "shutil.unpack_archive", "ctypes.dlopen",
    }
)  # fmt: skip
# What a running interpreter reads of its own accord.
_CODE: Final = (
    *{str(Path(path).resolve()) for path in (*sysconfig.get_paths().values(), sys.base_prefix, sys.prefix)},
    str(Path(__file__).parents[2] / "registry_service"), "/proc", "/dev", "/etc/localtime", "/usr/share/zoneinfo",
)  # fmt: skip

_watching: list[tuple[str, list[str]]] = []
_installed: list[bool] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching or (event not in _FILES and event not in _NEVER):
        return
    if threading.current_thread() is threading.main_thread():
        return
    home, seen = _watching[-1]
    if event in _NEVER:
        seen.append(f"{event} {arguments!r:.200}")
        return
    named = arguments[:2] if event in {"os.rename", "os.link", "os.symlink"} else arguments[:1]
    for name in named:
        if isinstance(name, str | bytes | os.PathLike):
            path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 - pathlib would ask the hook again
            if not f"{path}/".startswith((f"{home}/", *_CODE)):
                seen.append(f"{event} {path}")


@contextmanager
def watched(home: Path) -> Iterator[list[str]]:
    """What a service in `home` does inside that it never should; filled as it happens."""
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    seen: list[str] = []
    _watching.append((str(home.resolve()), seen))
    try:
        yield seen
    finally:
        _watching.pop()
