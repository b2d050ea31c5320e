"""What an operator may set, and the one place that reads the environment of the service.

Everything has a default that is right for one person on one machine: an embedded database and the artifacts in a
directory of one's own, served on the loopback address only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from registry_service.domain.errors import InvalidInput

DEFAULT_PORT: Final = 8470
PREFIX: Final = "MODEL_REGISTRY_"

# Good to listen on, not to be called by.
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


class BucketAddress(msgspec.Struct, frozen=True):
    """`s3://bucket/prefix`; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class Secret(msgspec.Struct, frozen=True):
    """A text that no log or traceback shows."""

    text: str

    def __repr__(self) -> str:
        return "Secret(…)"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one service. Each is read from the environment variable of its name, with the prefix
    `MODEL_REGISTRY_`."""

    home: Path
    """Directory of the service's own: database, artifacts, credentials. Made with mode 0700."""

    database_url: str
    """`sqlite:////absolute/path` or `postgresql://user@host/name`."""

    artifacts: Path | BucketAddress
    """Directory or bucket of the artifacts' bytes."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = DEFAULT_PORT
    """Port to listen on; 0: one that the system picks."""

    public_url: str | None = None
    """Where people reach the service, without a trailing slash; None: at the address it listens on."""

    allowed_hosts: tuple[str, ...] = ()
    """Names under which the service may be addressed (in the Host header), besides those of `public_url` and
    `airflow_url` and, on loopback, the names of this machine's loopback."""

    tls_cert: Path | None = None
    """File of the certificate chain (PEM)."""

    tls_key: Path | None = None
    """File of the certificate's private key (PEM)."""

    behind_proxy: tuple[str, ...] = ()
    """Addresses or networks of the proxies that end TLS before the service; their X-Forwarded headers are believed."""

    framed_by: tuple[str, ...] = ()
    """Origins whose pages may show those of the registry in a frame, such as that of Airflow; none may by default."""

    airflow_credentials: Path | None = None
    """File of the address and token for Airflow; None: in the home, beside the person's. With another one, an Airflow
    that runs apart gets a directory that holds its own token and nobody else's."""

    airflow_url: str | None = None
    """Where Airflow reaches the service; None: at the address of the people."""

    person: str | None = None
    """Who is made admin when the registry is empty; None: the user of the operating system."""

    log: Literal["auto", "json", "text"] = "auto"
    """Form of the log; `auto`: text on a terminal, else JSON."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is logged; requests are told of at `info`."""

    metrics: Literal["token", "loopback"] = "token"
    """Who may read /metrics: a token of those who may, or also whoever asks on this machine without one."""

    max_connections: int = 2000
    """Connections at a time; more are answered with 503."""

    max_streams: int = 1500
    """Event streams at a time; one more is answered with 429."""

    max_streams_each: int = 100
    """Event streams at a time of one principal; one more is answered with 429."""

    keep_free_mb: int = 64
    """Room in MiB that uploads leave on the volume of the artifacts."""

    s3_endpoint: str | None = None
    """URL of the S3-compatible store; None: that of AWS for the region."""

    s3_public_endpoint: str | None = None
    """URL under which clients reach the store; None: the same."""

    s3_region: str = "us-east-1"
    """Region that requests to the store are signed for."""

    s3_access_key: str | None = None
    """Who the service is to the store."""

    s3_secret_key: Secret | None = None
    """The key that requests to the store are signed with."""

    s3_secret_key_file: Path | None = None
    """File that holds the key, in place of `s3_secret_key`."""

    s3_presign: bool = True
    """Whether clients send and fetch large files straight to and from the store; off: through the service."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def base_url(self) -> str:
        """Where the service is reached: `public_url`, or the address that it listens on; where that is any address, by
        the first of the allowed hosts."""
        if self.public_url is not None:
            return self.public_url
        scheme = "https" if self.tls_cert else "http"
        name = self.allowed_hosts[0] if self.host in _ANY_ADDRESS and self.allowed_hosts else self.host
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def host_names(self) -> frozenset[str]:
        """Every name under which the service may be addressed, in lower case and without a port."""
        names = {name.lower() for name in self.allowed_hosts}
        names |= {(urlsplit(url).hostname or "").lower() for url in (self.base_url, self.airflow_url or "")}
        if self.is_loopback:
            names |= {"localhost", "127.0.0.1", "::1"}
        # As a name, "any address" reaches this machine from every web page that is open on it.
        return frozenset(names - _ANY_ADDRESS - {""})


def is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def read_settings(environment: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """The settings that an environment (None: this process's) gives. An empty variable counts as unset.

    :param home: instead of the one that the environment names.
    :raises InvalidInput: a variable has a value that can't be used; the message names it and says what can.
    """

    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    for name, parse in _PARSERS.items():
        variable = PREFIX + name.upper()
        text = environment.get(variable, "").strip()
        # Kubernetes sets MODEL_REGISTRY_PORT=tcp://… in every pod beside a Service named model-registry.
        if not text or (name == "port" and text.startswith("tcp://")):
            continue
        try:
            given[name] = parse(text)
        except ValueError as error:
            raise InvalidInput(f"{variable} is '{text}': {error}", variable=variable) from error
    if home is not None:
        given["home"] = home.absolute()
    home = given.setdefault("home", Path.home() / ".model-registry")
    given.setdefault("database_url", f"sqlite:///{home / 'registry.db'}")
    given.setdefault("artifacts", home / "artifacts")
    settings = Settings(**given)
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Refuse what would leave a door open or can't work.

    :raises InvalidInput: half a key pair, a bucket without keys to it, metrics that others could read without a token,
        or an address that others can reach without a name that callers must use and without TLS or a proxy that ends
        it.
    """

    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise InvalidInput("TLS takes both files. Set MODEL_REGISTRY_TLS_CERT and MODEL_REGISTRY_TLS_KEY.")
    if isinstance(settings.artifacts, BucketAddress):
        _check_keys(settings)
    if settings.metrics == "loopback":
        _check_reached_from_here_alone(settings)
    if settings.is_loopback:
        return
    if settings.public_url is None and not settings.allowed_hosts:
        raise InvalidInput(
            f"{settings.host} can be reached from other machines. Say under which name, with MODEL_REGISTRY_PUBLIC_URL"
            " or MODEL_REGISTRY_ALLOWED_HOSTS, or listen on 127.0.0.1.",
            variable="MODEL_REGISTRY_HOST",
        )
    if settings.tls_cert is None and not settings.behind_proxy:
        raise InvalidInput(
            f"{settings.host} can be reached from other machines, and tokens would travel in the clear. Set"
            " MODEL_REGISTRY_TLS_CERT and MODEL_REGISTRY_TLS_KEY, or name the proxy that ends TLS in"
            " MODEL_REGISTRY_BEHIND_PROXY, or listen on 127.0.0.1.",
            variable="MODEL_REGISTRY_HOST",
        )


def _check_reached_from_here_alone(settings: Settings) -> None:
    # To the service, what a proxy on this machine passes on comes from this machine.
    elsewhere = settings.public_url or settings.airflow_url or settings.allowed_hosts or settings.behind_proxy
    if not settings.is_loopback or elsewhere:
        raise InvalidInput(
            "Others can reach this service, by its address or through a proxy, and would read its metrics. Leave"
            " MODEL_REGISTRY_METRICS at token, and give the scraper a token of an auditor.",
            variable="MODEL_REGISTRY_METRICS",
        )


def _check_keys(settings: Settings) -> None:
    if settings.s3_access_key is None or (settings.s3_secret_key is None) == (settings.s3_secret_key_file is None):
        raise InvalidInput(
            f"{settings.artifacts} takes keys. Set MODEL_REGISTRY_S3_ACCESS_KEY, and either"
            " MODEL_REGISTRY_S3_SECRET_KEY or MODEL_REGISTRY_S3_SECRET_KEY_FILE.",
            variable="MODEL_REGISTRY_S3_ACCESS_KEY",
        )


def s3_secret(settings: Settings) -> str:
    """The key that requests to the store are signed with, wherever it stands.

    :raises InvalidInput: its file can't be read.
    """

    if settings.s3_secret_key is not None:
        return settings.s3_secret_key.text
    file = settings.s3_secret_key_file
    assert file is not None, "checked with the settings"
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The key in {file} can't be read ({type(error).__name__}).", variable="MODEL_REGISTRY_S3_SECRET_KEY_FILE"
        ) from error


def _artifacts(text: str) -> Path | BucketAddress:
    if not text.startswith("s3://"):
        return _path(text)
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket) or not re.fullmatch(
        r"[\w.+=@/-]*", prefix, re.ASCII
    ):
        raise ValueError("give a directory, or a bucket such as s3://models/registry.")
    return BucketAddress(bucket, f"{prefix}/" if prefix else "")


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise ValueError("use on or off.")
    return text == "on"


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_url(name) for name in _names(text))


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise ValueError(f"give a whole number from {lowest} to {highest}.")
        return int(text)

    return parse


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("give an address such as https://models.example.org.")
    if parts.path.strip("/"):
        raise ValueError("it lives at the root of a host; give an address without a path.")
    return text.rstrip("/")


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"use {', '.join(words[:-1])} or {words[-1]}.")
        return text

    return parse


_PARSERS: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "home": _path,
        "database_url": str,
        "artifacts": _artifacts,
        "host": str,
        "port": _number(0, 65535),
        "public_url": _url,
        "allowed_hosts": _names,
        "tls_cert": _path,
        "tls_key": _path,
        "behind_proxy": _names,
        "framed_by": _origins,
        "airflow_credentials": _path,
        "airflow_url": _url,
        "person": str,
        "log": _one_of("auto", "json", "text"),
        "log_level": _one_of("debug", "info", "warning", "error"),
        "metrics": _one_of("token", "loopback"),
        "max_connections": _number(1, 100_000),
        "max_streams": _number(1, 100_000),
        "max_streams_each": _number(1, 100_000),
        "keep_free_mb": _number(0, 1_000_000),
        "s3_endpoint": _url,
        "s3_public_endpoint": _url,
        "s3_region": str,
        "s3_access_key": str,
        "s3_secret_key": Secret,
        "s3_secret_key_file": _path,
        "s3_presign": _switch,
    }
)

VARIABLES: Final = tuple(PREFIX + name.upper() for name in _PARSERS)
