"""What tests of the web floor do over and over: register a version by plain HTTP."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx

API = "/api/v1"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def answered(response: httpx.Response, status: int = 200) -> Any:
    """The JSON of an answer that must have this status."""
    assert response.status_code == status, f"{response.request.method} {response.url}: {response.text}"
    return response.json() if response.content else None


def create_model(http: httpx.Client, name: str, **fields: Any) -> Any:
    return answered(http.post(f"{API}/models", json={"name": name, **fields}), 201)


def register(http: httpx.Client, model: str, files: dict[str, bytes], **fields: Any) -> Any:
    """A version of these files, whose bytes are sent where they are missing."""
    manifest = [{"path": p, "digest": digest_of(d), "size": len(d)} for p, d in files.items()]
    body = {"files": manifest, "upload": upload(http, model, list(files.values())), **fields}
    return answered(http.post(f"{API}/models/{model}/versions", json=body), 201)


def upload(http: httpx.Client, model: str, contents: list[bytes]) -> str:
    """The session that brought these bytes."""
    by_digest = {digest_of(data): data for data in contents}
    announced = [{"digest": digest, "size": len(data)} for digest, data in by_digest.items()]
    session = answered(http.post(f"{API}/uploads", json={"model": model, "files": announced}), 201)
    for digest in session["missing"]:
        answered(http.put(f"{API}/uploads/{session['id']}/files/{digest}", content=by_digest[digest]))
    return str(session["id"])


def promote(http: httpx.Client, model: str, version: str, stage: str = "production") -> Any:
    """Request, approve by oneself (policy `solo`), apply."""
    wanted = {"model": model, "version": version, "stage": stage}
    promotion = answered(http.post(f"{API}/promotions", json=wanted), 201)
    path = f"{API}/promotions/{promotion['id']}"
    answered(http.post(f"{path}/reviews", json={"verdict": "approve", "digest": promotion["digest"]}))
    return answered(http.post(f"{path}/apply", json={}))
