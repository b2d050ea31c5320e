"""The connection to the registry: where it is, who asks, and the clients that speak to it."""

from __future__ import annotations

import ipaddress
import weakref
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, Connection

from airflow_provider.exceptions import ModelRegistryRefused, refusals_as_failures
from airflow_provider.references import Selection
from registry_service.client import (
    AsyncRegistryClient,
    ModelVersion,
    NotAuthenticated,
    RegistryClient,
    RegistryError,
    Unavailable,
    stored_credentials,
)

DEFAULT_TIMEOUT: Final = 30.0
TEST_TIMEOUT: Final = 8.0


@dataclass(frozen=True)
class RegistrySettings:
    """What a client needs. Two equal settings may share one client.

    `verify` False: the certificate isn't checked; a path: the CA bundle to check it with. `timeout` is in seconds, per
    request.
    """

    url: str
    token: str = field(repr=False)
    verify: bool | str = True
    timeout: float = DEFAULT_TIMEOUT


class ModelRegistryHook(BaseHook):
    """Speaks to the model registry over an Airflow connection of type `model_registry`.

    The connection's host is the registry's URL, its password the token; extra knows `verify` (a boolean or the path
    of a CA bundle) and `timeout` (seconds). Where the default connection isn't defined, the credentials are taken that
    `model-registry serve` wrote for Airflow (`~/.model-registry/credentials/airflow.json`), so that an Airflow of the
    same user needs no set-up at all. A connection of any other name has to exist.

    :param registry_conn_id: the Airflow connection.
    """

    conn_name_attr = "registry_conn_id"
    default_conn_name = "model_registry_default"
    conn_type = "model_registry"
    hook_name = "Model Registry"

    def __init__(self, registry_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.registry_conn_id = registry_conn_id

    @cached_property
    def settings(self) -> RegistrySettings:
        """The connection, read once.

        :raises ModelRegistryRefused: the connection doesn't say what is needed.
        """
        try:
            connection = self.get_connection(self.registry_conn_id)
        except AirflowNotFoundException:
            return self._settings_of_same_user()
        return settings_of(connection)

    async def aget_settings(self) -> RegistrySettings:
        """The same from an event loop, as in a trigger."""
        try:
            connection = await self.aget_connection(self.registry_conn_id)
        except AirflowNotFoundException:
            return self._settings_of_same_user()
        return settings_of(connection)

    def get_conn(self) -> RegistryClient:
        """A new client, to be closed by the caller."""
        return new_client(self.settings)

    @cached_property
    def client(self) -> RegistryClient:
        """This hook's client: one pool of connections for all that a task asks, closed when the hook is gone."""
        client = self.get_conn()
        weakref.finalize(self, client.close)
        return client

    async def aget_conn(self) -> AsyncRegistryClient:
        """A new client for an event loop, to be closed by the caller."""
        return new_async_client(await self.aget_settings())

    def get_version(self, selected: Selection) -> ModelVersion:
        """Resolve a selection.

        :raises ModelRegistryRefused: the version's content isn't what was handed on; never go on with it.
        """
        version = self.client.get_version(selected.model_name, selected.selector)
        if selected.digest is not None and version.digest != selected.digest:
            raise ModelRegistryRefused(
                f"{selected.model_name} version {version.number} has digest {version.digest}, and {selected.digest} "
                "was expected. Is this connection's registry the one that the version was registered in?"
            )
        return version

    def test_connection(self) -> tuple[bool, str]:
        """Ask the registry who this is: a read, ten seconds at most; what comes back is never shown."""
        try:
            with new_hasty_client(self.settings, TEST_TIMEOUT) as client:
                me = client.who_am_i()
        except NotAuthenticated:
            return False, "The registry is there, and doesn't know this token. Make one: model-registry tokens create"
        except Unavailable:
            return False, "The registry can't be reached at this address, or isn't ready. Check host, port and TLS."
        except RegistryError as error:
            return False, f"The registry refused: {error.code}"
        except ModelRegistryRefused as error:
            return False, str(error)
        return True, f"Connected as {me.principal.name} to model registry {me.registry_version}"

    def _settings_of_same_user(self) -> RegistrySettings:
        stored = None
        if self.registry_conn_id == self.default_conn_name:
            with refusals_as_failures():
                stored = stored_credentials("airflow")
        if stored is None:
            raise ModelRegistryRefused(
                f"There is no Airflow connection '{self.registry_conn_id}'. Add one of type 'model_registry' with the "
                "registry's URL as host and a token as password."
            )
        return RegistrySettings(stored.url, stored.token)


def settings_of(connection: Connection) -> RegistrySettings:
    """Read a connection, however it was written: the host as a URL, or host, port and schema apart.

    :raises ModelRegistryRefused: no host, no token, or an extra that can't be read.
    """
    name = f"The Airflow connection '{connection.conn_id}'"
    if not connection.host:
        raise ModelRegistryRefused(f"{name} has no host. Put the registry's URL there.")
    if not connection.password:
        raise ModelRegistryRefused(f"{name} has no token. Put one there as password: model-registry tokens create")
    extra = connection.extra_dejson
    verify = extra.get("verify", True)
    if not isinstance(verify, bool | str):
        raise ModelRegistryRefused(f"{name}: extra 'verify' is true, false, or the path of a CA bundle.")
    try:
        timeout = float(extra.get("timeout") or DEFAULT_TIMEOUT)
    except (TypeError, ValueError):
        raise ModelRegistryRefused(f"{name}: extra 'timeout' is a number of seconds.") from None
    return RegistrySettings(url_of(connection), connection.password, verify or False, timeout)


def new_client(settings: RegistrySettings) -> RegistryClient:
    return RegistryClient(settings.url, settings.token, timeout=settings.timeout, verify=settings.verify)


def new_hasty_client(settings: RegistrySettings, timeout: float) -> RegistryClient:
    """A client that asks once, for where nobody can wait: at most about `timeout` seconds."""
    return RegistryClient(settings.url, settings.token, timeout=timeout, retries=0, verify=settings.verify)


def new_async_client(settings: RegistrySettings) -> AsyncRegistryClient:
    return AsyncRegistryClient(settings.url, settings.token, timeout=settings.timeout, verify=settings.verify)


def url_of(connection: Connection) -> str:
    """The registry's URL: the host, where that is one, else put together of host, port and schema."""
    host = connection.host or ""
    if "://" in host:
        url = urlsplit(host)
        if connection.port and url.port is None:
            url = url._replace(netloc=f"{url.netloc}:{connection.port}")
        return url.geturl().rstrip("/")
    # A token in the clear is for this machine only; anything else has to be asked for.
    scheme = connection.schema or ("http" if _is_loopback(host) else "https")
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{host}{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
