"""Who may do what, asked of a real service: each role, on a model of its own pattern and on another's, at each route.

    python -m tests.security.matrix tests/security/matrix.csv

`yes`: it is done, or refused for another reason than who asks. `no`: 403. `hidden`: 404 in the very words that are
said of what doesn't exist. `who?`: 401. `.`: the route is about no model, upload, promotion,
deployment, comment, subscription, delegation or token.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from registry_service.domain.permissions import Role
from tests.service_fixture import RunningService, running, settings_for
from tests.web.stories import API, answered, create_model, digest_of, promote, register
from tests.web.walk import SAMPLES, Call, all_calls

NOBODY: Final = "no token"
EVERYWHERE: Final = "admin of all"
ROLES: Final = (*Role, EVERYWHERE)
COLUMNS: Final = (NOBODY, *(f"{role}, {whose}" for role in ROLES for whose in ("own", "other")))

CONTENT: Final = b"bytes"
_BOUND: Final = frozenset(
    {"model", "upload", "promotion", "deployment", "comment", "subscription", "delegation", "token"}
)
# Where a query is what a route is about.
_QUERIES: Final = {
    "compare_versions": {"versions": "{model}/1,{model}/2"},
    "comparison_as_csv": {"versions": "{model}/1,{model}/2"},
    "stream_events": {"seconds": "0"},  # else it would go on for ever
    "list_served": {"target": "eu"},
    "live": {"model": "{model}"},
    "search": {"q": "payments"},
    "count_facets": {"fields": "framework"},
    "count_model_facets": {"fields": "owner"},
    "list_made_from": {"kind": "dataset", "ref": "s3://payments"},
}

# What others need comes first, what ends it last; in between reads before writes before deletions.
_FIRST: Final = ("move_consumer", "write_group")
_LAST: Final = (
    "release_lease", "withdraw_review", "fail_promotion", "apply_promotion", "roll_back", "clear_failure",
    "cancel_promotion", "vacate_stage", "revoke_version", "update_principal", "detach_policy", "rename_model",
    "delete_model", "restore_model",
    "release_name",
)  # fmt: skip


class Things(NamedTuple):
    """What one model has: the values of the parameters that lead to it."""

    parameters: dict[str, str]
    version: dict[str, Any]


def _order(call: Call) -> tuple[int, int, str]:
    if call.name in _FIRST:
        return (0, _FIRST.index(call.name), "")
    if call.name in _LAST:
        return (2, _LAST.index(call.name), "")
    return (1, ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"].index(call.method), call.name)


def rows() -> list[tuple[str, str, str]]:
    """Method, template and action of each route."""
    return [(call.method, call.template, str(call.action)) for call in all_calls()]


def parameters(call: Call) -> list[str]:
    return re.findall(r"\{(\w+)\}", call.template)


def matrix() -> dict[tuple[str, str, str], dict[str, str]]:
    """What each column says at each route, found out at a fresh service."""
    table: dict[tuple[str, str, str], dict[str, str]] = {row: {} for row in rows()}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "service"
        service = stack.enter_context(running(settings_for(home)))
        with service.http() as admin, service.http(token="") as nobody:
            things = make_things(service, admin, "nobody.m", admin)
            for call in all_calls():
                table[call.method, call.template, str(call.action)][NOBODY] = _ask(nobody, call, things)[0]
            for role in ROLES:
                for call, whose, verdict in walk(service, admin, role):
                    table[call.method, call.template, str(call.action)][f"{role}, {whose}"] = verdict
    return table


def walk(service: RunningService, admin: httpx.Client, role: str) -> Iterator[tuple[Call, str, str]]:
    """Every call, by somebody with the role on models of their own pattern, about a model of theirs and another's.

    :raises AssertionError: an answer tells of what is hidden, or what was refused has changed something.
    """

    name = role.replace(" ", "-")
    own, other = f"own-{name}.m", f"other-{name}.m"
    pattern, given = ("*", "admin") if role == EVERYWHERE else (f"own-{name}.*", role)
    token = service.token_of(name, role=given, pattern=pattern)
    with service.http(token) as http:
        theirs, others = make_things(service, admin, own, http), make_things(service, admin, other, admin)
        before = _revision(admin, other)
        for call in sorted(all_calls(), key=_order):
            if not _is_bound(call):
                verdict, text = _ask(http, call, theirs)
                assert role == EVERYWHERE or other not in text, (role, call)
                yield call, "own", verdict
                yield call, "other", "."
                continue
            if role != EVERYWHERE:
                yield call, "other", _ask(http, call, others)[0]
            verdict, text = _ask(http, call, theirs)
            assert role == EVERYWHERE or other not in text, (role, call)
            yield call, "own", verdict
            if role == EVERYWHERE:
                yield call, "other", _ask(http, call, others)[0]
            if call.name == "rename_model":
                for name in (own, other):
                    renamed = f"{name}.rename_model"
                    if admin.get(f"{API}/models/{renamed}").status_code == 200:
                        answered(admin.post(f"{API}/models/{renamed}/rename", json={"name": name}))
            if call.name == "restore_model":
                admin.delete(f"{API}/models/{own}")
                if role == EVERYWHERE:
                    admin.delete(f"{API}/models/{other}")
        assert role == EVERYWHERE or _revision(admin, other) == before, f"{role} changed what is not theirs"


def _revision(admin: httpx.Client, model: str) -> Any:
    return answered(admin.get(f"{API}/models/{model}"))["revision"]


def make_things(service: RunningService, admin: httpx.Client, model: str, http: httpx.Client) -> Things:
    """A model with all that a route can be about. Its upload, its comment and its token are `http`'s own, where it may
    have them."""

    create_model(admin, model)
    for number in (1, 2, 3):
        version = register(admin, model, {"model.bin": CONTENT * number})
    answered(admin.put(f"{API}/models/{model}/aliases/best", json={"version": "1"}))
    for current in ("1", "2"):
        promote(admin, model, current)
    attached = admin.post(
        f"{API}/policies/attachments", json={"policy": "solo", "model_pattern": f"{model[:-1]}*", "stage": "production"}
    )
    wanted = {"model": model, "version": "3", "stage": "production"}
    promotion = answered(admin.post(f"{API}/promotions", json=wanted), 201)["id"]
    started = {"model": model, "target": "eu", "version": "1"}
    deployment = answered(admin.post(f"{API}/deployments", json=started), 201)["id"]
    announced = {"model": model, "files": [{"digest": digest_of(CONTENT[:1]), "size": 1}]}
    upload = http.post(f"{API}/uploads", json=announced)
    upload = upload if upload.status_code == 201 else admin.post(f"{API}/uploads", json=announced)
    comment = http.post(f"{API}/models/{model}/comments", json={"text": "So?"})
    comment = (
        comment if comment.status_code == 201 else admin.post(f"{API}/models/{model}/comments", json={"text": "So?"})
    )
    followed = (http if http.headers.get("authorization") else admin).post(
        f"{API}/subscriptions", json={"pattern": model}
    )
    token = http if http.headers.get("authorization") else admin
    plot = {
        "name": "plot.svg",
        "media_type": "image/svg+xml",
        "digest": digest_of(CONTENT),
        "size": len(CONTENT),
    }
    report = {"name": "evaluation", "status": "passed", "attachments": [plot]}
    check = answered(admin.post(f"{API}/models/{model}/versions/1/checks", json=report), 201)["id"]
    # The parameter `digest` is that of these bytes.
    answered(admin.put(f"{API}/models/{model}/card", json={"text": CONTENT[:1].decode()}))
    rule = f"keep-{model}"
    kept = {"name": rule, "pattern": f"{model[:-1]}*", "keep_last": 100}
    answered(admin.post(f"{API}/retention/rules", json={"document": kept}), 201)
    preview = answered(admin.post(f"{API}/retention/previews", json={"pattern": model}), 201)["id"]
    answered(admin.post(f"{API}/retention/previews/{preview}/continue"))
    called = model.removesuffix(".m")
    somebody = f"somebody-{called}"
    answered(admin.post(f"{API}/principals", json={"name": somebody, "kind": "person"}), 201)
    grant = {"principal": somebody, "role": "reader", "pattern": f"{model[:-1]}*"}
    answered(admin.put(f"{API}/groups/group-{called}", json={"members": [somebody]}))
    return Things(
        {
            "model": model, "selector": "1", "path": "model.bin", "digest": digest_of(CONTENT[:1]), "alias": "best",
            "stage": "production", "upload": answered(upload, 201)["id"], "promotion": promotion,
            "change": _propose_change(admin), "deployment": deployment, "comment": answered(comment, 201)["id"],
            "subscription": answered(followed, 201)["id"],
            "attachment": answered(attached, 201)["attachment_id"],
            "grant": answered(admin.post(f"{API}/grants", json=grant), 201)["id"], "group": f"group-{called}",
            "token": answered(token.post(f"{API}/tokens", json={"name": "spare"}), 201)["info"]["id"],
            "delegation": _delegate(http, admin, somebody), "principal": somebody,
            "rule": rule, "preview": preview, "check": str(check),
        },
        version,
    )  # fmt: skip


def _delegate(http: httpx.Client, admin: httpx.Client, to: str) -> str:
    """A delegation of the caller's own where they may make one; each of the admin's at a time of its own."""
    made = http.post(f"{API}/delegations", json={"to": to, "starts_at": _days(1), "until": _days(2)})
    if made.status_code != 201:
        before = len(answered(admin.get(f"{API}/delegations"))["items"])
        spell = {"starts_at": _days(3 + 2 * before), "until": _days(4 + 2 * before)}
        made = admin.post(f"{API}/delegations", json={"to": to} | spell)
    return str(answered(made, 201)["id"])


def _days(count: float) -> str:
    return datetime.fromtimestamp(time.time() + count * 24 * 3600, UTC).isoformat()


def _propose_change(admin: httpx.Client) -> str:
    """A change of the policy `regulated`, which waits for a second person."""
    policy = answered(admin.get(f"{API}/policies/regulated"))
    weaker = {"document": policy["document"] | {"rules": policy["document"]["rules"][:1]}}
    proposed = admin.post(f"{API}/policies", json=weaker, headers={"If-Match": f'"{policy["version"]}"'})
    return str(answered(proposed, 201)["id"])


def _is_bound(call: Call) -> bool:
    queried = "{model}" in json.dumps(_QUERIES.get(call.name))
    return queried or bool(_BOUND & set(parameters(call))) or "fraud-detector" in json.dumps(call.body)


def _ask(http: httpx.Client, call: Call, things: Things) -> tuple[str, str]:
    answer = _send(http, call, things)
    text = answer.text
    match answer.status_code:
        case 401:
            return "who?", text
        case 403:
            return "no", text
        case 404 if call.name == "restore_version" and answer.json()["code"] == "version_not_found":
            return "yes", text  # none is deleted, and only who may restore is told so
        case 404:
            missing = {"upload", "promotion", "deployment", "comment", "subscription", "token"} & set(parameters(call))
            nowhere = {name: SAMPLES[name] for name in missing} or {"model": things.parameters["model"] + "x"}
            like = _send(http, call, Things(things.parameters | nowhere, things.version))
            same = like.status_code == 404 and _plain(answer, things, {}) == _plain(like, things, nowhere)
            return ("hidden" if same else f"404 {answer.json()['code']}"), text
        case 200 | 201 | 204 | 304 | 409 | 412 | 428:
            return "yes", text
    return f"{answer.status_code} {text[:300]}", text


def _plain(answer: httpx.Response, things: Things, changed: dict[str, str]) -> str:
    text = re.sub(r'"request_id":"\w+"', "", answer.text)
    for name, value in sorted((things.parameters | changed).items(), key=lambda item: -len(item[1])):
        text = text.replace(value, name.upper())
    return text


def _send(http: httpx.Client, call: Call, things: Things) -> httpx.Response:
    values = things.parameters
    path = call.template
    for name in parameters(call):
        value = values.get(name, "")
        if name == "name" and ("/attachments/" in path or path.startswith("/pictures/")):
            value = "plot.svg"
        elif name == "name":
            value = "team" if "/policies/" in path else values["principal"] if "/principals/" in path else "mine"
        path = path.replace(f"{{{name}}}", value, 1)
    query = {name: text.format(**values) for name, text in _QUERIES.get(call.name, {}).items()}
    content: dict[str, Any] = (
        {"content": CONTENT[:1]} if "files/{digest}" in call.template and call.body is None else {}
    )
    headers = {"Upload-Offset": "0"} if call.method == "PATCH" and content else {}
    if call.name == "arrange_stages":
        headers["If-Match"] = '"1"'
    body = _body(call, things)
    if body is not None:
        content = {"json": body}
    return http.request(call.method, path, params=query or None, headers=headers, **content)


def _body(call: Call, things: Things) -> Any:
    if call.body is None:
        return None
    text = json.dumps(call.body).replace("fraud-detector", things.parameters["model"])
    body = json.loads(text)
    if call.name == "request_promotion":
        body["version"] = "3"
    if call.name == "move_alias":
        body["version"] = "1"
    # 2 is current at first; once it was rolled back, it counts as failed and 1 is current.
    body |= {
        "roll_back": {"from_version": 2},
        "clear_failure": {"version": 2},
        "vacate_stage": {"from_version": 1},
        "mark_mentions_read": {"comments": [things.parameters["comment"]]},
        "report_check": {"attachments": [], "upload": None},
        "review_promotions": {
            "reviews": [
                {"promotion": things.parameters["promotion"], "digest": things.version["digest"], "verdict": "approve"}
            ]
        },
    }.get(call.name, {})
    if call.name == "delegate":
        body |= {"to": things.parameters["principal"], "until": _days(1)}
    if call.name == "write_group":
        body["members"] = [things.parameters["principal"]]
    if call.name in {"review_promotion", "observe_deployment"}:
        body["digest"] = things.version["digest"]
    if call.name == "start_deployment":
        body |= {"promotion": None, "version": "1"}
    if call.name in {"create_model", "rename_model"}:
        body["name"] = f"{things.parameters['model']}.{call.name}"
    if call.name == "register_version":
        body = {"files": []}
    return body


def as_csv(table: dict[tuple[str, str, str], dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "route", "action", *COLUMNS])
    for row in sorted(table, key=lambda row: (row[1], row[0])):
        writer.writerow([*row, *(table[row].get(column, "?") for column in COLUMNS)])
    return out.getvalue()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_csv(matrix()))
