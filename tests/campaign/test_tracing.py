"""Reading what strace wrote, judging the order of calls, and letting one call of one thread fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.campaign.system_calls import due_statuses, is_promised, out_of_order
from tests.campaign.tracing import Call, CannotTrace, Fault, calls_in, count, require_strace, traced

LOG = """\
writev(31</h/artifacts/uploads/u.1>, [{iov_base=""..., iov_len=9}], 1) = 9
fsync(31</h/artifacts/uploads/u.1>) = 0
write(9<anon_inode:[eventfd]>, ""..., 8) = 8
rename("/h/artifacts/uploads/u.1", "/h/artifacts/blobs/sha256/ab/abc") = 0
fsync(31</h/artifacts/blobs/sha256/ab>) = -1 EIO (Input/output error) (INJECTED)
--- SIGTERM {si_signo=SIGTERM} ---
"""


def test_lines_are_read_as_calls_on_files(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(LOG)
    calls = calls_in(log)
    assert [call.name for call in calls] == ["writev", "fsync", "write", "rename", "fsync"]
    assert calls[3].to == "/h/artifacts/blobs/sha256/ab/abc"
    assert [call.injected for call in calls] == [False, False, False, False, True]
    assert count(calls) == {"writev": 1, "fsync": 2, "rename": 1}
    assert out_of_order(calls) == []


def on(name: str, path: str, to: str | None = None) -> Call:
    return Call(name, path, to, injected=False)


WRITTEN, SYNCED = on("writev", "/u"), on("fsync", "/u")
NAMED, KEPT = on("rename", "/u", "/blobs/ab"), on("fsync", "/blobs")


@pytest.mark.parametrize(
    ("calls", "wrong"),
    [
        ([WRITTEN, SYNCED, NAMED, KEPT], 0),
        ([WRITTEN, NAMED, SYNCED, KEPT], 1),
        ([WRITTEN, SYNCED, WRITTEN, NAMED, KEPT], 2),
        ([WRITTEN, SYNCED, NAMED], 1),
        ([WRITTEN, SYNCED, KEPT, NAMED], 1),
        ([on("pwrite64", "/registry.db-wal"), on("fdatasync", "/registry.db-wal")], 0),
        ([on("fdatasync", "/registry.db-wal"), on("pwrite64", "/registry.db-wal")], 1),
        ([on("pwrite64", "/registry.db")], 0),
    ],
)
def test_the_order_of_writes_syncs_and_names_is_judged(calls: Sequence[Call], wrong: int) -> None:
    assert len(out_of_order(calls)) == wrong


def test_success_may_not_rest_on_a_log_or_an_artifact_that_failed() -> None:
    assert is_promised(on("pwrite64", "/h/registry.db-wal"), [])
    sync, write = on("fdatasync", "/h/registry.db-wal"), on("pwrite64", "/h/registry.db-wal")
    assert is_promised(sync, [sync, on("pwrite64", "/h/registry.db"), write])
    assert not is_promised(sync, [write, sync, on("pwrite64", "/elsewhere")]), "a checkpoint begins with it"
    assert is_promised(on("fsync", "/h/artifacts/blobs/sha256/ab"), [])
    assert not is_promised(on("pwrite64", "/h/registry.db"), [])
    assert not is_promised(on("unlink", "/h/artifacts/uploads/u.1"), [])


def test_a_full_disk_is_called_full_wherever_the_service_can_know() -> None:
    assert due_statuses(Fault("pwrite64", "ENOSPC", 1)) == {507}
    assert due_statuses(Fault("fdatasync", "ENOSPC", 1)) == {503, 507}
    assert due_statuses(Fault("pwrite64", "EIO", 1)) == {503}


VICTIM = """
import os, sys, threading
def work():
    sys.stdin.readline()
    for number in range(3):
        file = os.open(f"{sys.argv[1]}/{number}", os.O_CREAT | os.O_WRONLY)
        try:
            os.fsync(file)
            print("synced", flush=True)
        except OSError as error:
            print(error.errno, flush=True)
thread = threading.Thread(target=work)
thread.start()
print(thread.native_id, flush=True)
thread.join()
"""


@pytest.mark.campaign
@pytest.mark.slow
def test_exactly_one_call_of_one_thread_fails(tmp_path: Path) -> None:
    try:
        require_strace()
    except CannotTrace as reason:
        pytest.skip(str(reason))
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert victim.stdin is not None and victim.stdout is not None
    with traced(int(victim.stdout.readline()), tmp_path / "log", Fault("fsync", "ENOSPC", 2)):
        told, _ = victim.communicate("go\n", timeout=60)
    assert told.split() == ["synced", "28", "synced"]
    assert [call.injected for call in calls_in(tmp_path / "log") if call.name == "fsync"] == [False, True, False]
