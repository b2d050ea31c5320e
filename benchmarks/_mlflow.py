"""The same work on MLflow's server, by its REST interface."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from _load import Connection

API = "/api/2.0/mlflow"
READ_PATHS = {
    "read by alias": f"{API}/registered-models/alias?name=large&alias=champion",
    "read by stage": f"{API}/registered-models/get-latest-versions?name=large&stages=Production",
}


def fetch(address: str, token: str | None = None) -> tuple[bytes, str]:
    """The body of an answer, and its entity tag."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read(), answer.headers.get("etag", "")


def ask(url: str, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
    request = urllib.request.Request(
        url + API + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def decode(body: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(body)


async def register(connection: Connection, turn: int) -> None:
    """A version with a tag; metrics and params belong to runs there."""
    tags = [{"key": "country", "value": "de"}]
    body = {"name": f"model-{turn % 20:02}", "source": "s3://bucket/model", "tags": tags}
    await connection.ask("POST", f"{API}/model-versions/create", body)


async def search(connection: Connection, _turn: int) -> None:
    """By tag, as many hits as elsewhere."""
    query = quote("name = 'large' AND tags.run = 'needle'")
    answer = decode(await connection.send(connection.request("GET", f"{API}/model-versions/search?filter={query}")))
    if len(answer["model_versions"]) != 20:
        raise RuntimeError(f"{len(answer['model_versions'])} hits")


def fill_many(url: str, home: Path, count: int) -> None:
    """A model with so many versions, written into MLflow's database: by its interface that would take minutes."""
    fill(url)
    driver = sqlite3.connect(home / "mlflow.db")
    driver.row_factory = sqlite3.Row
    first = dict(driver.execute("SELECT * FROM model_versions").fetchone())
    tag = dict(driver.execute("SELECT * FROM model_version_tags WHERE key = 'run'").fetchone())
    every = count // 20
    versions = [{**first, "version": number} for number in range(2, count + 1)]
    tags = [
        {**tag, "version": number, "value": "needle" if number % every == 0 else f"run-{number}"}
        for number in range(2, count + 1)
    ]
    for table, rows in (("model_versions", versions), ("model_version_tags", tags)):
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", rows)
    driver.commit()
    driver.close()


def fill(url: str) -> None:
    """A model with one version, tagged, under an alias and in a stage."""
    ask(url, "POST", "/registered-models/create", {"name": "large"})
    tags = [{"key": "country", "value": "de"}, {"key": "run", "value": "run-1"}]
    ask(url, "POST", "/model-versions/create", {"name": "large", "source": "s3://bucket/model", "tags": tags})
    ask(url, "POST", "/registered-models/alias", {"name": "large", "alias": "champion", "version": "1"})
    ask(url, "POST", "/model-versions/transition-stage", {"name": "large", "version": "1", "stage": "Production"})
