"""What is wrong with a docker-compose.yml that was read, as far as reading tells: one sentence for each fault."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from registry_service.domain.errors import InvalidInput
from registry_service.settings import VARIABLES, BucketAddress, read_settings
from tests.compose.composition import depends_on
from tests.compose.file import Config

Service = Mapping[str, Any]

_ADDRESS = re.compile(r"(?:^|[@/\"'])([a-z][a-z0-9-]*):(\d{4,5})(?=[/\"']|$)")
_OPTION = re.compile(r"AIRFLOW__(?P<section>[A-Z_]+?)__(?P<option>[A-Z_]+)")
_USERS_OF_IMAGES = {"model-registry:0.1.0", "model-registry-minio:20260212"}  # the Dockerfile's lint sees to these


def faults(config: Config) -> list[str]:
    return sorted({f"{name}: {fault}" for name in config["services"] for fault in _of_service(config, name)})


def _of_service(config: Config, name: str) -> Iterator[str]:
    service = config["services"][name]
    for rule in (_hardening, _ports, _start, _health, _paths, _options):
        yield from rule(service)
    yield from _addresses(config, name)
    yield from _order(config, name)
    if name == "registry":
        yield from _settings(service)
        yield from _bucket(config)
    if name.startswith("airflow-"):
        yield from _token(config, name)


def _hardening(service: Service) -> Iterator[str]:
    if not re.fullmatch(r"[a-z-]+:\d[\w.-]+", service["image"]):
        yield f"image {service['image']} isn't pinned"
    if service.get("read_only") is not True or service.get("cap_drop") != ["ALL"]:
        yield "may write to its image, or has capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield "may gain privileges"
    if service["image"] not in _USERS_OF_IMAGES and not re.fullmatch(r"[1-9]\d*:\d+", str(service.get("user"))):
        yield "may run as root"


def _ports(service: Service) -> Iterator[str]:
    for port in service.get("ports", []):
        if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", str(port)):
            yield f"port {port} can be reached from other machines"


def _start(service: Service) -> Iterator[str]:
    if ("healthcheck" in service) != (service.get("restart") == "unless-stopped"):
        yield "what serves restarts and has a health check, what ends has neither"
    for variable, value in service.get("environment", {}).items():
        if value is None or value == "":
            yield f"{variable} is empty"


def _health(service: Service) -> Iterator[str]:
    missing = {"test", "interval", "timeout", "retries", "start_period"} - set(service.get("healthcheck", {}) or [])
    if "healthcheck" in service and missing:
        yield f"the health check doesn't say {sorted(missing)}"


def _paths(service: Service) -> Iterator[str]:
    """Where everything else is read-only, what a variable names has to be on a mount."""
    targets = [mount["target"] for mount in service.get("volumes", [])]
    targets += [target.partition(":")[0] for target in service.get("tmpfs", [])]
    for variable, value in service.get("environment", {}).items():
        if str(value).startswith("/") and not any(PurePosixPath(value).is_relative_to(target) for target in targets):
            yield f"{variable} names {value}, which is on no mount"


def _options(service: Service) -> Iterator[str]:
    from airflow.configuration import conf

    known = conf.configuration_description
    for variable in service.get("environment", {}):
        if variable.startswith("AIRFLOW__"):
            found = _OPTION.fullmatch(variable)
            if found is None or found["option"].lower() not in known.get(found["section"].lower(), {}).get(
                "options", {}
            ):
                yield f"{variable} is no option of Airflow"


def _addresses(config: Config, name: str) -> Iterator[str]:
    """What a service speaks to is one that listens there, on a network that both are on."""
    services = config["services"]
    for text in _texts(services[name]):
        for host, port in _ADDRESS.findall(text):
            if host not in services:
                yield f"speaks to {host}, which is no service"
            elif int(port) not in _listens(services[host]):
                yield f"speaks to {host}:{port}, where nothing listens"
            elif not set(services[name]["networks"]) & set(services[host]["networks"]):
                yield f"can't reach {host}"


def _listens(service: Service) -> set[int]:
    """The ports that a health check asks."""
    return {
        int(port) for text in service.get("healthcheck", {}).get("test", []) for port in re.findall(r":(\d+)/", text)
    }


def _order(config: Config, name: str) -> Iterator[str]:
    for other, condition in depends_on(config["services"][name]).items():
        wanted = "healthy" if "healthcheck" in config["services"][other] else "completed_successfully"
        if condition != f"service_{wanted}":
            yield f"waits for {other} to be {condition}"


def _settings(service: Service) -> Iterator[str]:
    environment = service["environment"]
    yield from (f"{variable} is no setting" for variable in environment if variable not in VARIABLES)
    try:
        settings = read_settings(environment)
    except InvalidInput as refused:
        yield refused.message
        return
    if settings.is_loopback or settings.port != 8470:
        yield "listens where nobody in the other containers reaches it"
    if {"registry", "127.0.0.1"} - settings.host_names:
        yield f"may be called {sorted(settings.host_names)} only"


def _bucket(config: Config) -> Iterator[str]:
    """The bucket and the keys are those that `bucket` has made."""
    made, used = config["services"]["bucket"], config["services"]["registry"]["environment"]
    script = "\n".join(made["command"])
    settings = read_settings({name: value for name, value in used.items() if "S3" in name or "ARTIFACTS" in name})
    address = settings.artifacts
    if not isinstance(address, BucketAddress) or f'make_bucket("{address.bucket}")' not in script:
        yield f"keeps its files in {address}, which nobody makes"
    if f'user_add("{settings.s3_access_key}", environ["S3_SECRET_KEY"])' not in script:
        yield f"speaks to the store as {settings.s3_access_key}, which nobody makes"
    if used.get("MODEL_REGISTRY_S3_SECRET_KEY") != made["environment"]["S3_SECRET_KEY"]:
        yield "has another key to the store than was made"


def _token(config: Config, name: str) -> Iterator[str]:
    """Airflow reads the file that the registry writes, and no other."""
    registry, airflow = config["services"]["registry"], config["services"][name]
    if any(mount.get("source") == "registry" for mount in airflow["volumes"]):
        yield "can read the person's token"
    if not any(mount.get("source") == "airflow-token" for mount in airflow["volumes"]):
        return  # it runs no code of DAGs, and needs no token
    if airflow["environment"].get("MODEL_REGISTRY_HOME") is None:
        yield "doesn't know where its token is"
        return
    written = _on_volume(registry, registry["environment"].get("MODEL_REGISTRY_AIRFLOW_CREDENTIALS", "/"))
    read = _on_volume(airflow, f"{airflow['environment']['MODEL_REGISTRY_HOME']}/credentials/airflow.json")
    if written is None or written != read:
        yield f"looks for its token in {read}, and the registry writes it into {written}"


def _on_volume(service: Service, path: str) -> tuple[str, str] | None:
    for mount in service["volumes"]:
        if mount["type"] == "volume" and PurePosixPath(path).is_relative_to(mount["target"]):
            return mount["source"], str(PurePosixPath(path).relative_to(mount["target"]))
    return None


def _texts(service: Service) -> list[str]:
    given = [*service.get("environment", {}).values(), *service["command"]]
    return [*map(str, given), *service.get("healthcheck", {}).get("test", [])]
