"""The requests of the contract's harness: made from the API's description, and changed so that they speak of what there
is, or of what nobody expects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final
from urllib.parse import quote, unquote

import hypothesis
import hypothesis.strategies as st
from schemathesis import GenerationMode

from tests.campaign.contract_things import HEADERS, HOSTILE, QUERIES, SELECTORS, Things
from tests.web.stories import digest_of

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"

CONTENTS: Final = {digest_of(data): data for data in (b"one", b"two", b"three", b"four")}


def change(case: Any, things: Things, chance: Random) -> None:
    """The request with a part of it exchanged: for what there is, or for what nobody expects."""

    change_path(case, things, chance)
    if chance.random() < 0.5:
        _simplify(case, things, chance)
    else:
        _change_query(case, things, chance)
        _change_headers(case, things, chance)
        _change_body(case, things, chance)
    _end_soon(case)


def _simplify(case: Any, things: Things, chance: Random) -> None:
    """Leave what a client sends most of the time, so that much succeeds and there is more to speak of."""

    case.query = {}
    case.headers = {"Upload-Offset": "0"} if any(one.name == "Upload-Offset" for one in case.operation.headers) else {}
    if any(one.name == "If-Match" for one in case.operation.headers):
        case.headers["If-Match"] = f'"{things.one("revision", chance)}"'
    contents = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    if BYTES in contents:
        case.body = _content_of(case)
    elif JSON in contents:
        case.body = things.fill(contents[JSON]["example"], chance)


def change_path(case: Any, things: Things, chance: Random) -> None:
    for name in case.path_parameters or {}:
        dice = chance.random()
        if dice < 0.75:
            found = things.for_path(case.path, name, chance)
            if found is not None:
                case.path_parameters[name] = quote(found, safe="")
        elif dice < 0.85:
            case.path_parameters[name] = _hostile(name, chance, decoded=dice < 0.78)
    _end_soon(case)


def _hostile(parameter: str, chance: Random, *, decoded: bool = False) -> str:
    value = chance.choice(SELECTORS if parameter == "selector" else HOSTILE)
    # An empty segment makes another path, and so do these, before they are sent.
    return "-" if value in {"", ".", ".."} else quote(value, safe="%" if decoded else "")


def _change_query(case: Any, things: Things, chance: Random) -> None:
    for parameter in case.operation.query:
        name = parameter.name
        if chance.random() < 0.25:
            kind = "next_cursor" if name == "cursor" else name
            known = things.one("cursor" if name == "after" else kind, chance)
            values = [*QUERIES.get(name, ()), chance.choice(HOSTILE), *([known] * 3 if known else [])]
            case.query = {**(case.query or {}), name: chance.choice(values)}
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int | float) and wait > 0:
        case.query["wait"] = min(wait, 0.05) if wait <= 60 else wait


def _end_soon(case: Any) -> None:
    """Else the stream of events would go on for ever."""

    if any(parameter.name == "seconds" for parameter in case.operation.query):
        asked = (case.query or {}).get("seconds", 0)
        case.query = {**(case.query or {}), "seconds": 0 if _is_long(asked) else asked}


def _is_long(seconds: object) -> bool:
    try:
        return 0 < float(str(seconds)) <= 86_400
    except ValueError:
        return False


def _change_headers(case: Any, things: Things, chance: Random) -> None:
    for parameter in case.operation.headers:
        if parameter.name in HEADERS and chance.random() < 0.3:
            values = [*HEADERS[parameter.name]]
            revision = things.one("revision", chance)
            if parameter.name.startswith("If-") and revision is not None:
                values += [f'"{revision}"'] * 5
            case.headers[parameter.name] = chance.choice(values)


def _change_body(case: Any, things: Things, chance: Random) -> None:
    contents = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    if BYTES in contents:
        if chance.random() < 0.7:
            case.body = _content_of(case)
        return
    example = contents.get(JSON, {}).get("example")
    if example is not None and chance.random() < 0.4:
        case.body = example
    if isinstance(case.body, dict):
        case.body = things.fill(case.body, chance)


def _content_of(case: Any) -> bytes:
    return CONTENTS.get(unquote(str(case.path_parameters.get("digest"))), b"three")


def edges(operations: Mapping[str, Any]) -> Iterator[Any]:
    """The edges of each parameter's and body's schema, one by one; and methods that a path lacks."""

    for operation in operations.values():
        schema = operation.schema
        generation = schema.config.generation_for(operation=operation)
        yield from schema.iter_coverage_cases(
            operation, generation_modes=list(GenerationMode), generation_config=generation
        )


def hostile_paths(operations: Mapping[str, Any], each: int, chance: Random) -> Iterator[Any]:
    """For each path parameter, some values that nobody expects, in requests that are good but for that."""

    for operation in operations.values():
        names = [parameter.name for parameter in operation.path_parameters]
        for name in names * each:
            yield operation.Case(path_parameters={**dict.fromkeys(names), name: _hostile(name, chance)})


def complete(case: Any, things: Things, chance: Random) -> None:
    """Fill what a hostile path left open with what there is."""

    for name, value in case.path_parameters.items():
        if value is None:
            case.path_parameters[name] = quote(things.for_path(case.path, name, chance) or "a", safe="")
    _simplify(case, things, chance)
    _end_soon(case)


def random_cases(operations: Mapping[str, Any], each: int, chance: Random) -> Iterator[Any]:
    """Random cases of all operations, two thirds of which fit the description."""

    for operation in operations.values():
        yield from _generated(operation, GenerationMode.POSITIVE, 2 * each, chance.getrandbits(32))
        if operation.query or operation.body:
            yield from _generated(operation, GenerationMode.NEGATIVE, each, chance.getrandbits(32))


def _generated(operation: Any, mode: GenerationMode, count: int, seed: int) -> list[Any]:
    """What Hypothesis makes of an operation. It is sent afterwards: answers have no part in what is made."""

    made: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode), st.integers())
    def make(case: Any, _another: int) -> None:
        made.append(case)

    # Where any text will do, hardly anything breaks the description.
    with contextlib.suppress(hypothesis.errors.Unsatisfiable):
        make()
    return made
