"""A small scoring endpoint, and how a task speaks to it. Put yours in its place.

    python scoring_endpoint.py --models /srv/digits --port 8080

Its models lie in one directory, each as `<hex of its content digest>.joblib`. A caller can only choose among them, by
digest; no path and no model comes in by HTTP.

    GET  /live                         {"digest": …, "sha256": …}         what it serves; both are null at first
    PUT  /live     {"digest": …}       the same                           serve this one from now on
    POST /predict  {"rows": [[…], …]}  {"digest": …, "predictions": […]}
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider.sdk import ModelFiles


class ScoringEndpoint:
    """What a task does with the endpoint. It is found by an Airflow connection: host, port, and as extra the
    directory of its models, `{"models": "/srv/digits"}`.
    """

    def __init__(self, connection: str) -> None:
        self.connection = connection

    def update(self, model: ModelFiles) -> str | None:
        """Serve this model from now on: a version with one file, as `deployment(…)` and `undo` hand it over. Answers
        with the content digest of what it serves then.
        """
        directory = Path(self._settings().extra_dejson["models"])
        target = directory / f"{model.digest.removeprefix('sha256:')}.joblib"
        partial = target.with_suffix(".partial")
        shutil.copyfile(model, partial)
        partial.replace(target)
        served: str | None = self._ask("PUT", "/live", {"digest": model.digest})["digest"]
        return served

    def digest(self) -> str | None:
        """The content digest of what it serves now."""
        digest: str | None = self._ask("GET", "/live")["digest"]
        return digest

    def predict(self, rows: list[list[float]]) -> list[int]:
        predictions: list[int] = self._ask("POST", "/predict", {"rows": rows})["predictions"]
        return predictions

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        settings = self._settings()
        answer = httpx.request(method, f"http://{settings.host}:{settings.port}{path}", json=body, timeout=30)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def _settings(self) -> Connection:
        from airflow.sdk import Connection

        connection: Connection = Connection.get(self.connection)
        return connection


class Served(NamedTuple):
    """A model in memory with what it was loaded from, so that no answer mixes two."""

    digest: str
    sha256: str
    model: Any


class NoSuchModel(LookupError):
    """No file of the directory belongs to this digest."""


class EndpointServer(ThreadingHTTPServer):
    """The endpoint itself. It comes back from a restart with the model that it served before."""

    def __init__(self, address: tuple[str, int], models: Path) -> None:
        super().__init__(address, EndpointRequest)
        self.models = models
        self.models.mkdir(parents=True, exist_ok=True)
        self.remembered = models / "live"
        self.served: Served | None = None
        self.changing = threading.Lock()
        if self.remembered.exists():
            self.serve(self.remembered.read_text())

    def serve(self, digest: str) -> None:
        """:raises NoSuchModel: what was served still is, as after any other failure."""
        import joblib

        path = self.models / f"{digest.removeprefix('sha256:')}.joblib"
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest) or not path.exists():
            raise NoSuchModel(digest)
        with self.changing:
            loaded = Served(digest, hashlib.sha256(path.read_bytes()).hexdigest(), joblib.load(path))
            partial = self.remembered.with_suffix(".partial")
            partial.write_text(digest)
            partial.replace(self.remembered)
            self.served = loaded


class EndpointRequest(BaseHTTPRequestHandler):
    server: EndpointServer

    def do_GET(self) -> None:
        if self.path != "/live":
            return self.send_error(404)
        return self._answer_live()

    def do_PUT(self) -> None:
        if self.path != "/live":
            return self.send_error(404)
        try:
            self.server.serve(self._body()["digest"])
        except NoSuchModel as missing:
            return self.send_error(404, f"No model {missing} here")
        return self._answer_live()

    def do_POST(self) -> None:
        served = self.server.served
        if self.path != "/predict":
            return self.send_error(404)
        if served is None:
            return self.send_error(503, "Nothing is served yet")
        predictions = served.model.predict(self._body()["rows"]).tolist()
        return self._answer({"digest": served.digest, "predictions": predictions})

    def _answer_live(self) -> None:
        served = self.server.served
        self._answer({"digest": served and served.digest, "sha256": served and served.sha256})

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve predictions of one model at a time.")
    parser.add_argument("--models", type=Path, required=True, help="directory of the models")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0: one that is free")
    arguments = parser.parse_args()
    with EndpointServer((arguments.host, arguments.port), arguments.models) as server:
        print(f"http://{arguments.host}:{server.server_port} (pid {os.getpid()})", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
