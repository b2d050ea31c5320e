"""The API's description (OpenAPI 3.1), as the service gives it at /openapi.json and as docs/openapi.json keeps it.

Made from the routes themselves: their bodies, answers, parameters and docstrings; schemas are those that msgspec
decodes by. What all routes have in common (problem documents, preconditions, idempotency keys) is added here.
"""

from __future__ import annotations

import inspect
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from litestar import Litestar, Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import KwargDefinition
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from registry_service.domain.entities import EventPage
from registry_service.domain.events import Cursor
from registry_service.domain.strictness import strict
from registry_service.web.answers import Encoded
from registry_service.web.authentication import ANY_TOKEN, PUBLIC
from registry_service.web.errors import PROBLEM_MEDIA_TYPE, Problem
from registry_service.web.example_answers import PROBLEMS, answer_of
from registry_service.web.examples import EXAMPLES
from registry_service.web.release import RELEASE
from registry_service.web.streams.frames import MEDIA_TYPE, event_frame, heartbeat, hello

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
_STREAM: Final = "stream_events"

TAGS: Final = {
    "models": "Registered models.",
    "cards": "What people write about a model for those who mean to use it.",
    "versions": "Model versions and their files.",
    "lineage": "Where versions come from, and where they went.",
    "search": "By words.",
    "checks": "What machines measured of a version.",
    "uploads": "Bytes on their way to a version.",
    "aliases": "Free pointers to versions.",
    "stages": "Protected pointers, with history, holds and rollback.",
    "promotions": "Requests to make a version current in a stage: reviews, leases, apply.",
    "comments": "What people write to each other about models, versions and promotions.",
    "following": "What the caller follows, and what happened.",
    "inbox": "What waits for the caller.",
    "deployments": "Where versions run.",
    "usages": "What runs used versions for.",
    "policies": "What stages demand.",
    "retention": "Which versions are kept, and letting the others go.",
    "forgotten": "What looks forgotten, and what it takes up.",
    "events": "The one log.",
    "principals": "People, services, groups, grants.",
    "tokens": "Tokens, and who one is by them.",
    "maintenance": "What keeps the registry healthy.",
    "health": "For probes.",
}

_ABOUT: Final = (
    "Models, versions, approvals, promotions and rollback. Refusals are problem documents (RFC 9457) with a stable"
    " `code`. Every write may carry an `Idempotency-Key`: sent again under it, a request has one effect and one answer."
)

_HEADERS: Final = {
    "Idempotency-Key": "One key per intended effect, kept over retries; 1 to 200 printable ASCII characters.",
    "If-Match": "The revision that the caller saw; refused with 412 where it is no longer the present one.",
    "Last-Event-ID": "The last id that the reader saw: go on after it, whatever the query says.",
    "If-None-Match": "The ETag of the answer that the caller has; 304 where it still is the same.",
    "Range": "One range of bytes, such as `bytes=0-1023`.",
    "Upload-Offset": "Where these bytes go on: how many are kept already.",
}

# These can't be stored, or have no effect to repeat.
_WITHOUT_KEY: Final = frozenset(
    {
        "apply_preview",
        "collect_garbage",
        "complete_upload_file",
        "continue_preview",
        "continue_upload_file",
        "create_token",
        "scrub",
        "send_upload_file",
        "sign_upload_parts",
        "test_policy",
    }
)

_REFUSED: Final = {
    "401": "Who asks isn't known",
    "4XX": "Refused; `code` says why",
    "5XX": "Unavailable, or a fault of the service",
}

_GIVE_BYTES: Final = frozenset({"download_file", "download_attachment"})
_TAKE_BYTES: Final = frozenset({"send_upload_file", "continue_upload_file"})


@get("/openapi.json", action=ANY_TOKEN, include_in_schema=False)
async def api_description(request: Request[Any, Any, Any]) -> Encoded[dict[str, Any]]:
    """The description of the API."""

    state = request.app.state
    if "description" not in state:
        state.description = msgspec.json.encode(describe(request.app))
    return Encoded(state.description)


def describe(app: Litestar) -> dict[str, Any]:
    """The description of an application's routes, as JSON values."""

    found = [
        (route, method, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method not in {"OPTIONS", "HEAD"} and handler.resolve_include_in_schema()
    ]
    answers = {_answer(handler) for _, _, handler in found} - {None}
    types = answers | {_read_as(handler) for _, _, handler in found} - {None} | {Problem}
    named = sorted(types, key=str)
    references, schemas = msgspec.json.schema_components(
        named,
        schema_hook=_schema_of_anything,
        ref_template="#/components/schemas/{name}",
    )
    schema_of = dict(zip(named, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route, method, handler in sorted(found, key=lambda item: (item[0].path_format, item[1])):
        paths.setdefault(route.path_format, {})[method.lower()] = _operation(route, method, handler, schema_of)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Airflow model registry",
            "version": RELEASE,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "examples": _examples({_name_of(schema_of[of]): of for of in answers}),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "mreg_<kind>_<id><secret><checksum>",
                    "description": "A registry token, such as `model-registry tokens create` makes.",
                }
            },
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


def write(path: Path, app: Litestar) -> None:
    """Keep the description in a file."""
    path.write_text(json.dumps(describe(app), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _operation(
    route: HTTPRoute, method: str, handler: HTTPRouteHandler, schema_of: dict[Any, dict[str, Any]]
) -> dict[str, Any]:
    body, answer = _body(handler), _answer(handler)
    public = handler.opt.get("action") == PUBLIC
    operation: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": inspect.cleandoc(handler.fn.__doc__ or "").replace("\n", " "),
        "tags": [tag for layer in handler.ownership_layers for tag in layer.tags or ()][-1:],
        "parameters": [*_path_parameters(route), *_query_parameters(handler), *_headers(method, handler, answer)],
        "responses": _responses(method, handler, schema_of.get(answer), public=public),
    }
    if not public:
        operation["x-action"] = str(handler.opt["action"])
    else:
        operation["security"] = []
    if body is not None:
        content: dict[str, Any] = {"schema": schema_of[_read_as(handler)]}
        if body in EXAMPLES:
            content["example"] = msgspec.to_builtins(EXAMPLES[body])
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    elif handler.handler_name in _TAKE_BYTES:
        operation["requestBody"] = {"required": True, "content": {BYTES: {"schema": {}}}}
    return operation


def _schema_of_anything(of: type) -> dict[str, Any]:
    if of is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError


def _body(handler: HTTPRouteHandler) -> Any:  # noqa: ANN401 - a type
    field = handler.parsed_data_field
    return None if field is None else field.annotation


def _read_as(handler: HTTPRouteHandler) -> Any:  # noqa: ANN401 - a type
    body = _body(handler)
    return None if body is None else strict(body)


def _answer(handler: HTTPRouteHandler) -> Any:  # noqa: ANN401 - a type
    """What the route's answer stands for; None where it is empty or bytes."""
    arguments = get_args(handler.parsed_fn_signature.return_type.annotation)
    return arguments[0] if arguments and arguments[0] not in {type(None), Any} else None


def _path_parameters(route: HTTPRoute) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.path_parameters
    ]


def _query_parameters(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    fields = dict(handler.parsed_fn_signature.parameters)
    for name, provider in handler.resolve_dependencies().items():
        if name in fields:
            fields.update(provider.parsed_fn_signature.parameters)
    wanted: frozenset[str] = handler.opt["query"]
    return [_query_parameter(name, fields[name]) for name in sorted(wanted)]


def _in_place(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a kind itself: a reference would lead to the root of the whole document."""
    definitions = schema.get("$defs", {})
    return definitions[schema["$ref"].rpartition("/")[2]] if definitions else schema


def _query_parameter(name: str, field: FieldDefinition) -> dict[str, Any]:
    told = field.kwarg_definition
    assert isinstance(told, KwargDefinition)
    # Left out, a parameter is absent; it can't be null.
    given = next(part for part in field.inner_types if not part.is_none_type) if field.is_optional else field
    limits = {"minimum": told.ge, "maximum": told.le, "maxLength": told.max_length}
    schema = _in_place(msgspec.json.schema(given.annotation)) | {k: v for k, v in limits.items() if v is not None}
    return {
        "name": name,
        "in": "query",
        "required": field.is_required,
        "description": told.description,
        "schema": schema,
    }


def _headers(method: str, handler: HTTPRouteHandler, answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a type
    names = []
    if method != "GET" and handler.handler_name not in _WITHOUT_KEY:
        names.append("Idempotency-Key")
    if "if_match" in handler.parsed_fn_signature.parameters:
        names.append("If-Match")
    if method == "GET" and (_has_tag(answer) or handler.handler_name in _GIVE_BYTES):
        names.append("If-None-Match")
    if handler.handler_name in _GIVE_BYTES:
        names.append("Range")
    if handler.handler_name == "continue_upload_file":
        names.append("Upload-Offset")
    if handler.handler_name == _STREAM:
        names.append("Last-Event-ID")
    return [
        {
            "name": name,
            "in": "header",
            "required": name == "Upload-Offset",
            "description": _HEADERS[name],
            "schema": {"type": "string"},
        }
        for name in names
    ]


def _has_tag(answer: Any) -> bool:  # noqa: ANN401 - a type
    fields: tuple[str, ...] = getattr(answer, "__struct_fields__", ())
    return "revision" in fields or ("document" in fields and "version" in fields)


def _responses(
    method: str, handler: HTTPRouteHandler, schema: dict[str, Any] | None, *, public: bool
) -> dict[str, Any]:
    content = {"content": {JSON: {"schema": schema, "examples": _shown(_name_of(schema))}}} if schema else {}
    responses: dict[str, Any] = {}
    if handler.handler_name in _GIVE_BYTES:
        data: dict[str, Any] = {"content": {BYTES: {"schema": {}}}}
        responses["200"] = {"description": "The whole file", **data}
        responses["206"] = {"description": "The range that was asked for", **data}
        responses["304"] = {"description": "The caller has these bytes"}
        if handler.handler_name == "download_file":
            responses["307"] = {"description": "The store gives them, at an address that holds for a few minutes"}
    elif handler.handler_name == _STREAM:
        # Whole or event by event, readers of descriptions don't agree on what a schema of a stream is about.
        text = {"schema": {}, "example": _streamed()}
        responses["200"] = {"description": "Events, until either end ends it", "content": {MEDIA_TYPE: text}}
    else:
        status = HTTPStatus(handler.status_code)
        responses[str(status.value)] = {"description": "Made" if status is HTTPStatus.CREATED else "Done", **content}
        if status is HTTPStatus.CREATED:
            responses["200"] = {"description": "It was there already", **content}
        if method == "GET" and _has_tag(_answer(handler)):
            responses["304"] = {"description": "The caller has this answer"}
    if public:
        return {**responses, "503": {"description": "A part doesn't work", "content": {JSON: {"schema": schema}}}}
    return {
        **responses,
        **{
            statuses: {
                "description": description,
                "content": {
                    PROBLEM_MEDIA_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": _shown(f"Problem.{statuses}"),
                    }
                },
            }
            for statuses, description in _REFUSED.items()
        },
    }


def _streamed() -> str:
    page = answer_of(EventPage)
    log, _, _ = page.cursor.rpartition("-")
    frames = [hello(Cursor(log, 117)), *(event_frame(log, event) for event in page.events), heartbeat(Cursor(log, 121))]
    return b"".join(frames).decode()


def _shown(example: str) -> dict[str, Any]:
    return {example: {"$ref": f"#/components/examples/{example}"}}


def _name_of(schema: dict[str, Any]) -> str:
    name: str = schema["$ref"].rpartition("/")[2]
    return name


def _examples(answers: dict[str, Any]) -> dict[str, Any]:
    """Examples of answers, by the names of their schemas, and of problems."""

    shown = {name: answer_of(of) for name, of in answers.items()}
    shown |= {f"Problem.{statuses}": problem for statuses, problem in PROBLEMS.items()}
    return {name: {"value": msgspec.to_builtins(example)} for name, example in sorted(shown.items())}
