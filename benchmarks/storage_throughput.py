"""How fast the filesystem store takes bytes in and gives them back, beside what the disk and SHA-256 allow.

    python benchmarks/storage_throughput.py [--size MIB] [--rounds N] [--directory DIR]

`dd` writes the same number of bytes and ends with fsync, as the store does. All take turns in random order: a disk that
was written to at full speed is often slower for a while, and in a fixed order that would always hit the same one. The
bytes come from memory in chunks of 64 KiB, as from a web server; there is no network in between.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

from _report import Report

from registry_service.storage.filesystem import FilesystemStore

MIB = 1024 * 1024
CHUNK = 64 * 1024
WATCH = 0.005
# Bytes of a piece, and uploads at the same time.
SHAPES = ((MIB // 4, 1), (MIB, 1), (4 * MIB, 1), (MIB, 4))


class Body:
    """Bytes that are cheap to make, and never the same twice."""

    _numbers = count()

    def __init__(self, size: int) -> None:
        self.size = size
        self._chunk = os.urandom(CHUNK)
        self._first = next(self._numbers).to_bytes(8, "big").rjust(CHUNK, b"\0")
        hasher = hashlib.sha256()
        for chunk in self._chunks():
            hasher.update(chunk)
        self.digest = f"sha256:{hasher.hexdigest()}"

    def _chunks(self) -> list[bytes]:
        return [self._first] + [self._chunk] * (self.size // CHUNK - 1)

    async def chunks(self) -> AsyncIterator[bytes]:
        for number, chunk in enumerate(self._chunks()):
            if number % 16 == 0:
                await asyncio.sleep(0)  # a server would come back from its socket here
            yield chunk


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def dd(directory: Path, size: int) -> float:
    target = directory / "dd"
    command = ["dd", "if=/dev/zero", f"of={target}", "bs=1M", f"count={size // MIB}", "conv=fsync", "status=none"]
    seconds = timed(lambda: subprocess.run(command, check=True))
    target.unlink()
    return seconds


def limits(directory: Path, size: int) -> dict[str, float]:
    return {"limit: dd conv=fsync": dd(directory, size), "limit: SHA-256 in one thread": sha256(size)}


def sha256(size: int) -> float:
    chunk = os.urandom(MIB)

    def work() -> None:
        hasher = hashlib.sha256()
        for _ in range(size // MIB):
            hasher.update(chunk)

    return timed(work)


async def store(directory: Path, size: int, piece_size: int, uploads: int) -> dict[str, float]:
    """Seconds to receive `size` bytes in `uploads` bodies at once, to receive one again, and to read all."""
    filesystem_store = FilesystemStore(directory / "store", piece_size=piece_size)
    bodies = [Body(size // uploads) for _ in range(uploads)]

    async def receive(body: Body) -> None:
        await filesystem_store.receive("bench", body.chunks(), expected=body.digest, size=body.size)

    async def read(body: Body) -> None:
        async for _ in await filesystem_store.open_range(body.digest):
            pass

    longest_stall = 0.0

    async def watch_the_loop() -> None:
        nonlocal longest_stall
        while True:
            start = time.perf_counter()
            await asyncio.sleep(WATCH)
            longest_stall = max(longest_stall, time.perf_counter() - start - WATCH)

    watch = asyncio.create_task(watch_the_loop())
    start = time.perf_counter()
    await asyncio.gather(*(receive(body) for body in bodies))
    received = time.perf_counter()
    watch.cancel()
    await asyncio.gather(*(receive(body) for body in bodies))
    again = time.perf_counter()
    await asyncio.gather(*(read(body) for body in bodies))
    end = time.perf_counter()
    await filesystem_store.close()
    shutil.rmtree(directory / "store")
    shape = f"{uploads} x pieces of {piece_size // 1024} KiB"
    return {
        f"receive {shape}": received - start,
        f"receive known {shape}": again - received,
        f"read {shape}": end - again,
        f"longest stall of the loop {shape}": longest_stall,
    }


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--size", type=int, metavar="MIB", help="default: 512")
    report.parser.add_argument("--directory", type=Path, default=None, help="on the disk to measure; default: here")
    options = report.options()
    options.size = options.size or (16 if options.smoke else 512)
    size = options.size * MIB
    order = random.Random(0)
    with tempfile.TemporaryDirectory(dir=options.directory or Path.cwd(), prefix=".bench-") as name:
        directory = Path(name)
        for number in range(options.rounds):
            for shape in order.sample([None, *SHAPES], len(SHAPES) + 1):
                report.progress("store", number, "limits" if shape is None else f"{shape[1]} x {shape[0] // 1024} KiB")
                measured = limits(directory, size) if shape is None else asyncio.run(store(directory, size, *shape))
                for what, seconds in measured.items():
                    stall = {"stall_ms": seconds * 1000}
                    report.add(what, "store", stall if "stall" in what else {"mib_per_second": options.size / seconds})
    report.finish()


if __name__ == "__main__":
    main()
