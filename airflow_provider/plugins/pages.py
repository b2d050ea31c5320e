"""What the plugin's part of Airflow's pages asks Airflow's API server for: where the registry is, and which of its
versions and promotions tasks made, read, waited for or moved.

It is told from what the tasks left behind for their links (XCom): nothing is asked of the registry, and whoever may not
see the XCom of a DAG is shown nothing of it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.resources import files
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from airflow.models.connection import Connection
from airflow.models.xcom import XComModel
from airflow.providers.common.compat.sdk import AirflowNotFoundException, conf
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Row, select

from airflow_provider.hooks.registry import ModelRegistryHook, url_of
from airflow_provider.links.registry import PROMOTION_KEY, VERSION_KEY
from airflow_provider.plugins.places import SCRIPT

MAX_LINKS: Final = 200
"""The newest ones."""

_KINDS: Final = {VERSION_KEY: "version", PROMOTION_KEY: "promotion"}

pages: Final = FastAPI(title="Model registry", docs_url=None, redoc_url=None, openapi_url=None)


@pages.get(f"/{SCRIPT}")
def script() -> Response:
    """What draws the list. Like the rest of Airflow's scripts it is no secret."""
    body = files("airflow_provider.plugins").joinpath(SCRIPT).read_bytes()
    return Response(body, media_type="text/javascript", headers={"cache-control": "no-cache"})


@pages.get("/links", dependencies=[Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.XCOM))])
def list_links(
    *,
    session: SessionDep,
    user: GetUserDep,
    dag_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
    map_index: Annotated[int | None, Query(ge=-1)] = None,
) -> dict[str, Any]:
    """The links of all DAGs in sight, of one, of one run, of one task over its runs, or of one task in a run."""
    wanted = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    shown = select(
        XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value
    ).where(
        XComModel.dag_id.in_(get_auth_manager().get_authorized_dag_ids(user=user, method="GET")),
        XComModel.key.in_(_KINDS),
        *(getattr(XComModel, name) == value for name, value in wanted.items() if value is not None),
    )
    rows = session.execute(shown.order_by(XComModel.timestamp.desc()).limit(MAX_LINKS + 1)).all()
    links = [link for row in rows[:MAX_LINKS] if (link := _link(row)) is not None]
    return {"registry": registry_address(), "links": links, "more": len(rows) > MAX_LINKS}


@pages.get("/open", dependencies=[Depends(get_user)])
def open_registry() -> RedirectResponse:
    """To the registry's own pages, for a frame.

    :raises HTTPException: 404, nobody has said where they are.
    """
    address = registry_address()
    if address is None:
        raise HTTPException(404, "Make the connection model_registry_default, or set [model_registry] url.")
    return RedirectResponse(address, status_code=307)


def registry_address() -> str | None:
    """Where people find the registry: as the provider's configuration says, else where the default connection leads."""
    address: str | None = conf.get("model_registry", "url", fallback=None)
    if not address:
        with suppress(AirflowNotFoundException):
            connection = Connection.get_connection_from_secrets(ModelRegistryHook.default_conn_name)
            address = url_of(connection) if connection.host else None
    return address if address and _opens(address) else None


def _link(left: Row[Any]) -> dict[str, Any] | None:
    """None where the value is no address: a backend for XCom may keep the values elsewhere."""
    value: object = left.value
    if isinstance(value, str) and value.startswith('"'):
        with suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, str) or not _opens(value):
        return None
    return {
        "dag_id": left.dag_id,
        "run_id": left.run_id,
        "task_id": left.task_id,
        "map_index": left.map_index,
        "kind": _KINDS[left.key],
        "name": _name(value),
        "url": value,
    }


def _name(url: str) -> str:
    """`fraud 3` of a version's address, the id of a promotion's."""
    first, _, rest = urlsplit(url).path.strip("/").partition("/")
    return unquote(rest.replace("/versions/", " ") if first == "models" else rest or first)


def _opens(address: str) -> bool:
    # Anybody's task may leave anything behind: what is no address must not keep the others from being shown.
    with suppress(ValueError):
        return urlsplit(address).scheme in {"http", "https"}
    return False
