"""As much of a registry as transfers need, in memory: what it keeps, tests look at."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec

from registry_service.domain.entities import (
    Manifest,
    ManifestFile,
    ModelVersion,
    Page,
    Upload,
    UploadFile,
    VersionStatus,
)
from registry_service.domain.errors import AlreadyExists, DigestMismatch, ModelNotFound, RegistryError
from registry_service.domain.manifest import content_digest
from registry_service.domain.requests import CreateModel, RegisterVersion, StartUpload

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def answer(value: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=msgspec.json.encode(value), headers=headers)


def problem(error: RegistryError, status: int, **headers: str) -> httpx.Response:
    document = {
        "type": f"urn:model-registry:problem:{error.code}",
        "title": type(error).__name__,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "details": error.details,
        "request_id": "r-1",
    }
    content = msgspec.json.encode(document)
    return httpx.Response(status, content=content, headers={"Content-Type": "application/problem+json", **headers})


def fresh(response: httpx.Response) -> httpx.Response:
    """The same response again: a client uses one up."""
    return httpx.Response(response.status_code, content=response.content, headers=response.headers)


class Registry:
    def __init__(self) -> None:
        self.models: set[str] = set()
        self.blobs: dict[str, bytes] = {}
        self.versions: list[tuple[ModelVersion, list[ManifestFile]]] = []
        self.announced: list[str] = []
        self.aborted: list[str] = []
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = [unquote(part) for part in request.url.raw_path.decode().partition("?")[0].split("/")[3:]]
        self.seen.append(f"{request.method} /{'/'.join(path)}")
        try:
            return self._answer(request, path)
        except ModelNotFound as error:
            return problem(error, 404)
        except AlreadyExists as error:
            return problem(error, 409)
        except DigestMismatch as error:
            return problem(error, 400)

    def add(self, files: dict[str, bytes], model: str = "churn") -> ModelVersion:
        """Register without a client."""
        self.models.add(model)
        for data in files.values():
            self.blobs[digest_of(data)] = data
        entries = [ManifestFile(path=path, digest=digest_of(data), size=len(data)) for path, data in files.items()]
        return self._register(model, RegisterVersion(files=[]), entries)

    def _answer(self, request: httpx.Request, path: list[str]) -> httpx.Response:  # noqa: C901, PLR0911 - a table of routes
        match request.method, path:
            case "POST", ["models"]:
                name = msgspec.json.decode(request.content, type=CreateModel).name
                if name in self.models:
                    raise AlreadyExists("It exists.")
                self.models.add(name)
                # Nobody looks at the answer; its shape is all that counts.
                return answer(_model(name), 201)
            case "POST", ["uploads"]:
                body = msgspec.json.decode(request.content, type=StartUpload)
                self._check(body.model)
                self.announced = [file.digest for file in body.files]
                return answer(self._upload(body.model), 201)
            case "PUT", ["uploads", _, "files", digest]:
                if digest_of(request.content) != digest:
                    raise DigestMismatch("Other bytes.")
                self.blobs[digest] = request.content
                size = len(request.content)
                return answer(UploadFile(upload="u1", digest=digest, size=size, kept=size, received=True))
            case "DELETE", ["uploads", upload]:
                self.aborted.append(upload)
                return httpx.Response(204)
            case "GET", ["models", model, "versions"]:
                self._check(model)
                wanted = request.url.params["filter"].removeprefix("identity = '").removesuffix("'")
                return answer(Page(items=[v for v, _ in self.versions if v.identity == wanted]))
            case "POST", ["models", model, "versions"]:
                self._check(model)
                sent = msgspec.json.decode(request.content, type=RegisterVersion)
                entries = [
                    ManifestFile(path=f.path, digest=f.digest, size=f.size, media_type=f.media_type) for f in sent.files
                ]
                return answer(self._register(model, sent, entries), 201)
            case "GET", ["models", model, "versions", selector]:
                return answer(self._found(selector)[0])
            case "GET", ["models", model, "versions", selector, "files"]:
                version, entries = self._found(selector)
                return answer(Manifest(model_name=model, number=version.number, digest=version.digest, files=entries))
            case "GET", ["models", model, "versions", selector, "files", *parts]:
                wanted = "/".join(parts)
                entry = next(entry for entry in self._found(selector)[1] if entry.path == wanted)
                return self._bytes(request, self.blobs[entry.digest])
        raise AssertionError(f"{request.method} {path}")

    def _bytes(self, request: httpx.Request, data: bytes) -> httpx.Response:
        if "Range" not in request.headers:
            return httpx.Response(200, content=data)
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        where = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return httpx.Response(206, content=data[start:], headers={"Content-Range": where})

    def _check(self, model: str) -> None:
        if model not in self.models:
            raise ModelNotFound("There is none.", model=model)

    def _found(self, selector: str) -> tuple[ModelVersion, list[ManifestFile]]:
        return self.versions[-1 if selector in {"latest", "@production"} else int(selector) - 1]

    def _upload(self, model: str) -> Upload:
        missing = [digest for digest in self.announced if digest not in self.blobs]
        return Upload(id="u1", model_name=model, missing=missing, created_at=NOW, expires_at=NOW)

    def _register(self, model: str, body: RegisterVersion, entries: list[ManifestFile]) -> ModelVersion:
        version = ModelVersion(
            model_id="m1",
            model_name=model,
            number=len(self.versions) + 1,
            digest=content_digest(entries, body.metadata),
            status=VersionStatus.READY,
            metadata=body.metadata,
            description=body.description,
            tags=body.tags,
            aliases=body.aliases,
            stages=[],
            lineage=[],
            file_count=len(entries),
            size=sum(entry.size for entry in entries),
            identity=body.identity,
            source_uri=body.source_uri,
            created_at=NOW,
            created_by="ada",
            revoked=None,
            revision=1,
            url="http://registry.test/models/churn/versions/1",
        )
        self.versions.append((version, entries))
        return version


def _model(name: str) -> dict[str, Any]:
    return {
        "id": "m1",
        "name": name,
        "owners": ["ada"],
        "description": "",
        "tags": {},
        "metadata_fields": [],
        "stages": {},
        "aliases": {},
        "latest_version": None,
        "archived": False,
        "created_at": NOW,
        "created_by": "ada",
        "updated_at": NOW,
        "deleted_at": None,
        "revision": 1,
        "url": "http://registry.test/models/churn",
    }
