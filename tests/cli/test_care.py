from __future__ import annotations

from pathlib import Path

from registry_service.client import RegistryClient
from tests.cli.conftest import CommandLine
from tests.service_fixture import RunningService


def on_the_machine_of(service: RunningService, alone: CommandLine) -> CommandLine:
    return CommandLine(alone.environment | {"MODEL_REGISTRY_HOME": str(service.home)})


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
