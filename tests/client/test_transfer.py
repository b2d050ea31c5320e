from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from registry_service.client import (
    DigestMismatch,
    InvalidManifest,
    InvalidMetadata,
    InvalidPath,
    InvalidRange,
    ManifestFile,
    Metadata,
    ModelNotFound,
    NotPermitted,
    RegistryUnreachable,
    RetryPolicy,
    SizeMismatch,
)
from registry_service.client.files import LocalFile
from registry_service.client.plans import CONTINUED_FILES, CONTINUED_FROM
from registry_service.client.transfer import PIECE, FileContent, FileSink, ProgressReport, measured, target
from registry_service.domain.requests import StartUpload
from tests.client.conftest import Connect
from tests.client.registry import Registry, digest_of, problem

FILES = {"weights.bin": b"w" * 3_000_000, "sub/card.md": b"# card", "copy.md": b"# card", "empty": b""}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    for path, data in FILES.items():
        (tmp_path / "trained" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "trained" / path).write_bytes(data)
    return tmp_path / "trained"


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if not path.is_dir()}


# ---------------------------------------------------------------------------------------------------- registering


def test_a_directory_is_registered_and_comes_back_byte_for_byte(
    connect: Connect, registry: Registry, trained: Path, tmp_path: Path
) -> None:
    client = connect(registry)
    metadata = Metadata(metrics={"auc": 0.91}, framework="sklearn")
    version = client.register("churn", trained, metadata=metadata, tags={"team": "a"}, aliases=["champion"])
    assert (version.number, version.metadata, version.tags, version.aliases) == (
        1,
        metadata,
        {"team": "a"},
        ["champion"],
    )
    manifest = client.download("churn", "latest", tmp_path / "live")
    assert contents(tmp_path / "live") == FILES
    assert manifest.digest == version.digest
    assert [file.path for file in manifest.files] == sorted(FILES)


def test_only_what_the_registry_lacks_is_sent_and_equal_files_once(
    connect: Connect, registry: Registry, trained: Path
) -> None:
    registry.add({"old.bin": FILES["weights.bin"]})
    connect(registry).register("churn", trained)
    sent = sorted(line for line in registry.seen if line.startswith("PUT"))
    assert sent == sorted(f"PUT /uploads/u1/files/{digest_of(FILES[path])}" for path in ("sub/card.md", "empty"))


def test_a_missing_model_is_made_unless_that_is_not_wanted(connect: Connect, registry: Registry, trained: Path) -> None:
    client = connect(registry)
    with pytest.raises(ModelNotFound):
        client.register("churn", trained, create_model=False)
    assert registry.models == set()
    assert client.register("churn", trained).number == 1
    assert registry.models == {"churn"}


def test_a_known_identity_is_answered_without_reading_a_file(
    connect: Connect, registry: Registry, trained: Path
) -> None:
    client = connect(registry)
    first = client.register("churn", trained, identity="run 1")
    registry.seen.clear()
    assert client.register("churn", trained / "gone", identity="run 1") == first
    assert registry.seen == ["GET /models/churn/versions"]
    assert client.register("churn", trained, identity="run 2").number == 2


def test_what_has_no_digest_is_refused_before_anything_is_sent(
    connect: Connect, registry: Registry, trained: Path
) -> None:
    with pytest.raises(InvalidMetadata, match="auc"):
        connect(registry).register("churn", trained, metadata=Metadata(metrics={"auc": float("nan")}))
    (trained / "WEIGHTS.bin").write_bytes(b"")
    with pytest.raises(InvalidManifest):
        connect(registry).register("churn", trained)
    assert registry.seen == []


def test_a_refused_file_ends_the_upload_and_makes_no_version(
    connect: Connect, registry: Registry, trained: Path
) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            return problem(DigestMismatch("Other bytes."), 400)
        return registry(request)

    with pytest.raises(DigestMismatch):
        connect(service).register("churn", trained)
    assert registry.aborted == ["u1"] and registry.versions == []


def test_a_refusal_stays_itself_when_ending_the_upload_fails_too(
    connect: Connect, registry: Registry, trained: Path
) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        if request.method in {"PUT", "DELETE"}:
            return problem(DigestMismatch("Other bytes."), 400)
        return registry(request)

    with pytest.raises(DigestMismatch) as caught:
        connect(service).register("churn", trained)
    assert any("expires by itself" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("sizes", "resumes"),
    [
        ([4] * (CONTINUED_FILES - 1), False),
        ([4] * CONTINUED_FILES, True),
        ([CONTINUED_FROM - 1], False),
        ([CONTINUED_FROM // 4] * 4, True),
    ],
)
def test_what_is_large_or_of_many_files_goes_on_with_the_session_of_a_client_that_died(
    connect: Connect, registry: Registry, tmp_path: Path, sizes: list[int], resumes: bool
) -> None:
    registry.models.add("churn")
    asked: list[bool] = []

    def service(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/uploads"):
            asked.append(msgspec.json.decode(request.content, type=StartUpload).resume)
            return problem(NotPermitted("That is all to be seen."), 403)
        return registry(request)

    for number, size in enumerate(sizes):
        with (tmp_path / str(number)).open("wb") as file:
            file.write(f"{number:04d}".encode())
            file.truncate(size)
    files = {str(number): tmp_path / str(number) for number in range(len(sizes))}
    with pytest.raises(NotPermitted):
        connect(service).register("churn", files)
    assert asked == [resumes]


def test_a_file_is_sent_from_its_beginning_after_a_break(connect: Connect, registry: Registry, trained: Path) -> None:
    failures = [httpx.WriteError("broken pipe"), httpx.ReadError("reset")]

    def service(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT" and len(request.content) > 1000 and failures:
            raise failures.pop()
        return registry(request)

    assert connect(service).register("churn", trained).size == sum(map(len, FILES.values()))
    assert registry.blobs[digest_of(FILES["weights.bin"])] == FILES["weights.bin"]


def test_progress_counts_every_file_up_to_its_size(
    connect: Connect, registry: Registry, trained: Path, tmp_path: Path
) -> None:
    done: dict[str, list[int]] = {}
    inside = threading.Lock()

    def progress(path: str, so_far: int, total: int) -> None:
        assert inside.acquire(blocking=False), "called from two threads at once"
        assert total == len(FILES[path])
        done.setdefault(path, []).append(so_far)
        inside.release()

    client = connect(registry)
    for act, where in (("register", trained), ("download", tmp_path / "live"), ("download", tmp_path / "live")):
        if act == "register":
            client.register("churn", where, progress=progress)
        else:
            client.download("churn", 1, where, progress=progress)
        assert {path: steps[-1] for path, steps in done.items()} == {path: len(data) for path, data in FILES.items()}
        assert all(steps == sorted(steps) for steps in done.values())
        done.clear()


@pytest.mark.parametrize("change", [b"", b"short", b"w" * 3_000_001])
def test_a_file_that_changes_while_it_is_sent_is_noticed(
    connect: Connect, registry: Registry, trained: Path, change: bytes
) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/uploads"):
            (trained / "weights.bin").write_bytes(change)
        return registry(request)

    with pytest.raises(SizeMismatch, match="since it was measured"):
        connect(service).register("churn", trained)
    assert registry.versions == [] and registry.aborted == ["u1"]


def test_a_measured_file_has_its_digest_and_size(trained: Path) -> None:
    file = measured(LocalFile("w", trained / "weights.bin"))
    assert (file.digest, file.size) == (digest_of(FILES["weights.bin"]), 3_000_000)
    content = FileContent(trained / "weights.bin", file, ProgressReport(None))
    assert b"".join(content.pieces()) == b"".join(content.pieces()) == FILES["weights.bin"]


# ---------------------------------------------------------------------------------------------------- downloading


def test_the_selector_is_resolved_once(connect: Connect, registry: Registry, tmp_path: Path) -> None:
    registry.add({"a": b"old", "b": b"old too"})

    def service(request: httpx.Request) -> httpx.Response:
        response = registry(request)
        if request.url.path.endswith("/files"):
            registry.add({"a": b"new", "b": b"new too"})  # the stage moves right after the manifest was read
        return response

    assert connect(service).download("churn", "@production", tmp_path).number == 1
    assert contents(tmp_path) == {"a": b"old", "b": b"old too"}


def test_what_is_there_is_verified_and_not_fetched_again(connect: Connect, registry: Registry, tmp_path: Path) -> None:
    registry.add({"a": b"right", "b": b"other", "c": b"linked"})
    (tmp_path / "abc").write_bytes(b"linked")
    live = tmp_path / "live"
    live.mkdir()
    (live / "a").write_bytes(b"right")
    (live / "b").write_bytes(b"OTHER")  # of the same size
    (live / "c").symlink_to("../abc")  # a link's size is that of its target's name: here also the file's
    (live / "mine").write_bytes(b"mine")
    connect(registry).download("churn", 1, live)
    assert contents(live) == {"a": b"right", "b": b"other", "c": b"linked", "mine": b"mine"}
    assert not (live / "c").is_symlink() and (tmp_path / "abc").read_bytes() == b"linked"
    fetched = [line for line in registry.seen if "/files/" in line]
    assert sorted(fetched) == ["GET /models/churn/versions/1/files/b", "GET /models/churn/versions/1/files/c"]


@pytest.mark.parametrize(
    ("sent", "raised"),
    [(b"rigHt", DigestMismatch), (b"righ", SizeMismatch), (b"righty", SizeMismatch), (b"", SizeMismatch)],
)
def test_wrong_bytes_are_thrown_away(
    connect: Connect, registry: Registry, tmp_path: Path, sent: bytes, raised: type[Exception]
) -> None:
    registry.add({"a": b"right"})
    (tmp_path / "a").write_bytes(b"before")

    def service(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=sent) if "/files/" in request.url.path else registry(request)

    with pytest.raises(raised):
        connect(service).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {"a": b"before"}


EVIL = [
    "../x",
    "a/../../x",
    "/etc/x",
    "C:/x",
    "C:x",
    "..\\x",
    "a\\b",
    "\\\\host\\x",
    "a//x",
    "./x",
    "a/./x",
    "x/",
    "",
    ".",
    "..",
    "a\0b",
    "a\nb",
    "x.",
    "x ",
    "\uff0e\uff0e/\u202ex",
    "y" * 300,
    "e\u0301",
]


@pytest.mark.parametrize("path", EVIL)
def test_a_file_name_that_leads_elsewhere_is_refused_and_nothing_is_written(
    connect: Connect, registry: Registry, tmp_path: Path, path: str
) -> None:
    """Security case P13: the client wrote to a name that came from a service."""

    registry.add({"good": b"good", path: b"evil"})
    with pytest.raises(InvalidPath):
        connect(registry).download("churn", 1, tmp_path / "inside")
    assert contents(tmp_path) == {}
    assert not any("/files/" in line for line in registry.seen)


@pytest.mark.parametrize("path", EVIL)
def test_a_path_is_not_written_to_whoever_asks_for_it(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidPath):
        target(tmp_path / "inside", path)
    assert list(tmp_path.iterdir()) == []


def test_paths_that_are_one_file_to_some_systems_are_refused(
    connect: Connect, registry: Registry, tmp_path: Path
) -> None:
    for files in ({"a": b"1", "A": b"2"}, {"a": b"1", "a/b": b"2"}):
        registry.add(files)
        with pytest.raises(InvalidManifest):
            connect(registry).download("churn", "latest", tmp_path)
    assert contents(tmp_path) == {}


def test_a_link_in_the_destination_is_not_followed(connect: Connect, registry: Registry, tmp_path: Path) -> None:
    registry.add({"sub/x": b"x"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidPath, match="in the way"):
        connect(registry).download("churn", 1, tmp_path / "inside")
    assert contents(tmp_path) == {}


def test_a_directory_where_a_file_should_go_is_named(connect: Connect, registry: Registry, tmp_path: Path) -> None:
    registry.add({"x": b"x"})
    (tmp_path / "x").mkdir()
    with pytest.raises(InvalidPath, match="is a directory"):
        connect(registry).download("churn", 1, tmp_path)


def test_a_manifest_that_is_not_what_the_digest_says_is_refused(
    connect: Connect, registry: Registry, tmp_path: Path
) -> None:
    """Who approves a digest approves these bytes, even if whoever keeps them would swap them."""

    version = registry.add({"a": b"right"})
    registry.blobs[digest_of(b"swapped")] = b"swapped"
    swapped = [ManifestFile(path="a", digest=digest_of(b"swapped"), size=7)]
    registry.versions[0] = (version, swapped)
    with pytest.raises(DigestMismatch, match="don't make up its digest"):
        connect(registry).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {}


def test_a_broken_download_continues_where_it_broke(
    connect: Connect, registry: Registry, tmp_path: Path, cut_after: Callable[..., str]
) -> None:
    data = os.urandom(5_000_000)
    registry.add({"big.bin": data})
    ranges: list[str | None] = []

    def service(request: httpx.Request) -> httpx.Response:
        if "/files/" in request.url.path:
            ranges.append(request.headers.get("Range"))
        return registry(request)

    url = cut_after(service, iter([2_500_000, 0]))
    connect(url=url).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {"big.bin": data}
    starts = [0 if value is None else int(value.removeprefix("bytes=").removesuffix("-")) for value in ranges]
    assert len(starts) == 3 and starts[0] == 0 and 1_000_000 < starts[1] == starts[2] <= 2_500_000


def test_a_service_without_ranges_sends_the_file_again(
    connect: Connect, registry: Registry, tmp_path: Path, cut_after: Callable[..., str]
) -> None:
    data = os.urandom(3_000_000)
    registry.add({"big.bin": data})

    def service(request: httpx.Request) -> httpx.Response:
        request.headers.pop("Range", None)
        return registry(request)

    connect(url=cut_after(service, iter([2_000_000]))).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {"big.bin": data}


def test_another_part_than_asked_for_is_refused(
    connect: Connect, registry: Registry, tmp_path: Path, cut_after: Callable[..., str]
) -> None:
    registry.add({"big.bin": os.urandom(3_000_000)})

    def service(request: httpx.Request) -> httpx.Response:
        if "Range" in request.headers:
            return httpx.Response(206, content=b"x", headers={"Content-Range": "bytes 5-5/3000000"})
        return registry(request)

    with pytest.raises(Exception, match="another part"):
        connect(url=cut_after(service, iter([2_000_000]))).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {}


class BreakingAtTheEnd(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data
        raise httpx.RemoteProtocolError("cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def test_a_break_at_the_very_end_is_mended(connect: Connect, registry: Registry, tmp_path: Path) -> None:
    data = os.urandom(2 * PIECE)
    registry.add({"big.bin": data})
    asked: list[str | None] = []

    def service(request: httpx.Request) -> httpx.Response:
        if "/files/" not in request.url.path:
            return registry(request)
        asked.append(request.headers.get("Range"))
        if len(asked) == 1:
            return httpx.Response(200, stream=BreakingAtTheEnd(data))
        return problem(InvalidRange("No more."), 416) if asked[-1] else registry(request)

    connect(service).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {"big.bin": data}
    assert asked == [None, f"bytes={len(data)}-", None]


def test_giving_up_leaves_nothing_behind(
    connect: Connect, registry: Registry, tmp_path: Path, cut_after: Callable[..., str]
) -> None:
    registry.add({"big.bin": os.urandom(2_000_000), "small": b"x"})
    url = cut_after(registry, iter([0] * 50))
    with pytest.raises(RegistryUnreachable):
        connect(url=url, retries=RetryPolicy(attempts=2, base=0.0, cap=0.0)).download("churn", 1, tmp_path)
    assert contents(tmp_path) == {}


def test_a_client_killed_half_way_leaves_no_file_under_its_final_name(
    connect: Connect, registry: Registry, tmp_path: Path, cut_after: Callable[..., str]
) -> None:
    data = os.urandom(4_000_000)
    registry.add({"big.bin": data})
    url = cut_after(registry, iter([]))
    script = (
        "import os, signal, sys\n"
        "from registry_service.client import RegistryClient\n"
        "def progress(path, done, total):\n"
        "    if done > 2_000_000: os.kill(os.getpid(), signal.SIGKILL)\n"
        "RegistryClient(sys.argv[1], 'secret').download('churn', 1, sys.argv[2], progress=progress)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, url, str(tmp_path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "big.bin").exists()
    connect(url=url).download("churn", 1, tmp_path)
    assert (tmp_path / "big.bin").read_bytes() == data


def test_bytes_are_on_the_disk_before_the_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any, **kwargs: Any) -> Any:
            order.append(name)
            return call(*args, **kwargs)

        return noting

    for name in ("fsync", "rename", "replace"):
        monkeypatch.setattr(os, name, noted("fsync" if name == "fsync" else "rename", getattr(os, name)))
    sink = FileSink(tmp_path, ManifestFile(path="a", digest=digest_of(b"x"), size=1), ProgressReport(None))
    sink.restart()
    sink.write(b"x")
    sink.finish()
    assert order == ["fsync", "rename", "fsync"]
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_file_comes_into_memory_as_well(connect: Connect, registry: Registry) -> None:
    registry.add({"sub/a b.txt": b"text"})
    assert connect(registry).download_file("churn", 1, "sub/a b.txt") == b"text"


def test_a_disk_that_is_full_here_is_not_the_registrys_fault(
    connect: Connect, registry: Registry, tmp_path: Path
) -> None:
    registry.add({"x": b"x"})
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(OSError):
        connect(registry).download("churn", 1, tmp_path / "file" / "below")
