from __future__ import annotations

from pathlib import Path

import httpx

from registry_service.client import RegistryClient
from tests.cli.conftest import CommandLine
from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, digest_of


def on_the_machine_of(service: RunningService, alone: CommandLine) -> CommandLine:
    return CommandLine(alone.environment | {"MODEL_REGISTRY_HOME": str(service.home)})


def send(http: httpx.Client, model: str, content: bytes) -> str:
    """The open upload that has brought these bytes."""
    files = [{"digest": digest_of(content), "size": len(content)}]
    upload = answered(http.post(f"{API}/uploads", json={"model": model, "files": files}), 201)["id"]
    answered(http.put(f"{API}/uploads/{upload}/files/{digest_of(content)}", content=content))
    return str(upload)


def test_fsck_says_sound_beside_the_running_service_and_names_a_fault(
    service: RunningService, alone: CommandLine, trained: Path
) -> None:
    operator = on_the_machine_of(service, alone)
    with RegistryClient(service.url, service.person) as registry:
        registry.register("fraud", trained)

    assert operator("fsck", "--deep").out.startswith("Sound: ")
    assert operator.json("fsck")["sound"] is True

    blob = next(path for path in (service.home / "artifacts" / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(bytes(byte ^ 1 for byte in blob.read_bytes()))
    assert operator("fsck").exit_code == 0, "the size is right, and nothing was read"
    assert "[bytes_altered]" in operator("fsck", "--deep", code=1).out
    blob.unlink()
    faults = operator.json("fsck", code=1)["faults"]
    assert {fault["code"] for fault in faults} == {"bytes_missing", "bytes_gone"}


def test_fsck_where_there_is_no_registry(alone: CommandLine) -> None:
    assert "There is no registry" in alone("fsck", code=3).err


def test_gc_through_the_service_and_alone(service: RunningService, alone: CommandLine) -> None:
    operator = on_the_machine_of(service, alone)
    with service.http() as http:
        create_model(http, "fraud")
        for content in (b"given up", b"on its way"):
            upload = send(http, "fraud", content)
            if content == b"given up":
                http.delete(f"{API}/uploads/{upload}").raise_for_status()

    assert operator("gc").out == "0 artifacts of 0 B removed.\n", "a day of grace"
    dry = operator("gc", "--grace", "0s", "--dry-run").out
    assert digest_of(b"given up") in dry and "1 artifact of 8 B would be removed." in dry
    assert "in use by process" in operator("gc", "--offline", code=3).err
    service.stop()
    done = operator.json("gc", "--grace", "0s", "--offline")
    assert (done["bytes"], [one["digest"] for one in done["collected"]]) == (8, [digest_of(b"given up")])
    assert operator("fsck", "--deep").out.startswith("Sound")
    service.start()
    assert operator.json("gc", "--grace", "0s")["collected"] == []


def test_scrub_names_what_is_damaged_and_an_upload_heals_it(
    service: RunningService, alone: CommandLine, trained: Path
) -> None:
    operator = on_the_machine_of(service, alone)
    with RegistryClient(service.url, service.person) as registry:
        registry.register("fraud", trained)
        assert operator("scrub", "--rate", "100MB/s").out.endswith("2 artifacts of 13 B read, 0 damaged.\n")
        digest = digest_of((trained / "weights.bin").read_bytes())
        hexadecimal = digest.removeprefix("sha256:")
        blob = service.home / "artifacts" / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal
        blob.write_bytes(b"weighTs")

        found = operator("scrub", code=1).out
        assert f"DAMAGED {digest} is " in found and "needed by fraud/1" in found
        assert "[artifact_damaged]" in operator("fsck", code=1).out
        again = operator("scrub", "--restart", code=1).out.splitlines()
        assert again[0] == "1 artifact of 6 B read, 0 damaged."
        assert again[1].startswith("1 artifact that versions need is damaged and not healed yet")
        registry.register("fraud", trained)
    assert operator("fsck", "--deep").out.startswith("Sound")
    assert operator.json("scrub", "--restart")["damaged"] == []
    service.stop()
    assert operator.json("scrub", "--restart", "--offline")["artifacts"] == 2
    service.start()


def test_spans_and_rates_are_read_as_they_are_written(ada: CommandLine) -> None:
    assert "Write it such as 90s" in ada("gc", "--grace", "a while", code=2).err
    for rate in ("fast", "0MB/s", "10MB"):
        assert "Write it such as 500kB/s" in ada("scrub", "--rate", rate, code=2).err


def test_a_backup_is_restored_elsewhere_and_only_where_nothing_is(
    service: RunningService, alone: CommandLine, trained: Path, tmp_path: Path
) -> None:
    operator = on_the_machine_of(service, alone)
    with RegistryClient(service.url, service.person) as registry:
        registry.register("fraud", trained)
    made = operator.json("backup", str(tmp_path / "backup"))
    assert (made["artifacts"], made["copied"], made["missing"]) == (2, 2, [])
    assert operator.json("backup", str(tmp_path / "backup"))["copied"] == 0

    restoring = ("restore", str(tmp_path / "backup"), "--home", str(tmp_path / "other"))
    done = alone.json(*restoring, "--snapshot", made["snapshot"])
    assert done["report"]["sound"] is True and done["snapshot"] == made["snapshot"]
    assert "already holds a registry" in alone(*restoring, code=1).err
    assert "no such snapshot" in alone("restore", str(tmp_path), code=1).err

    for blob in (service.home / "artifacts" / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert operator("backup", str(tmp_path / "second"), code=1).out.count("MISSING sha256:") == 2
    assert alone("restore", str(tmp_path / "second"), "--home", str(tmp_path / "third"), code=1).out.count("FAULT") >= 2
