"""The pages about HTTP, each typed from top to bottom into one shell against a real service."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from registry_service.db.database import DialectName
from registry_service.settings import Settings
from tests.docs.pages import ROOT, blocks
from tests.fixtures_database import PostgresServer
from tests.service_fixture import RunningService, running, settings_for

pytestmark = pytest.mark.slow

_END = "== end of a block =="
METHODS = {"get", "put", "post", "patch", "delete"}
# Where files are in a directory there are no addresses in a store: tests/storage and tests/client have a bucket.
OF_BUCKETS = {
    ("POST", "/api/v1/uploads/{upload}/files/{digest}/parts"),
    ("POST", "/api/v1/uploads/{upload}/files/{digest}/complete"),
}


def type_page(service: RunningService, directory: Path, page: str) -> list[str]:
    """What each block of the page printed."""
    script = "".join(f"{block}\necho '{_END}'\n" for block in blocks(ROOT / "docs" / page, "sh"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=os.environ | {"MODEL_REGISTRY_HOME": str(service.home), "NO_PROXY": "*"},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(f"{_END}\n")[:-1]


def answered_well(service: RunningService) -> set[tuple[str, str]]:
    """The operations, as the service counts them, that it has answered as one wishes."""
    with service.http() as http:
        counted = http.get("/metrics").text
    return set(re.findall(r'requests_total\{method="([A-Z]+)",route="([^"]+)",status="[23]xx"\} [1-9]', counted))


def operations() -> set[tuple[str, str]]:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    return {(method.upper(), path) for path, of in paths.items() for method in of.keys() & METHODS}


def typed_into_a_new_service(settings: Settings, directory: Path, page: str) -> tuple[list[str], set[tuple[str, str]]]:
    with running(settings) as service:
        return type_page(service, directory, page), answered_well(service)


def documents(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def check_story(printed: list[str], directory: Path) -> None:
    """What the page about HTTP has printed, and left in its directory."""

    # fmt: off
    (
        who,
        browsed,
        named,
        sent,
        pieces,
        abandoned,
        registered,
        carded,
        attached,
        asked,
        approved,
        applied,
        carried,
        live,
        part,
        looked_for,
        facets,
        by_words,
        event,
        second,
        back,
        talked,
        followed,
        stood_in,
        inbox,
        many,
        traced,
        answered_for,
        released,
        was_live,
        measured,
        used,
        compared,
        revoked,
        examined,
        deleted,
        refused,
        updated,
        forgotten,
        retained,
        renamed,
    ) = printed
    # fmt: on

    assert documents(who)[0]["principal"]["name"] == "ada"
    assert (directory / "header").stat().st_mode & 0o077 == 0
    link, ended = documents(browsed)
    assert "/login#mreg_login_" in link["url"] and ended == {"ended": 0}
    first, again = documents(named)
    assert first == again, "the key makes one model of two requests"
    assert documents(sent)[-1]["received"]
    first_piece, last_piece = documents(pieces)
    assert (first_piece["kept"], first_piece["received"]) == (300_000, False)
    assert (last_piece["kept"], last_piece["received"]) == (last_piece["size"], True)

    assert len(documents(abandoned)[0]["items"]) == 2, "this one and the one that the version ends"

    (version,) = documents(registered)
    assert (version["number"], version["file_count"], version["metadata"]["metrics"]) == (1, 2, {"error_cm": 4.2})
    first_card, history, earlier = documents(carded)
    assert first_card["front_matter"] == {"license": "cc-by-4.0", "tags": ["tide", "pier"]}
    assert [one["digest"] for one in history["items"]][1:] == [first_card["digest"]]
    assert (earlier["text"], earlier["is_current"]) == (first_card["text"], False)
    (checked,) = documents(attached)
    assert [one["name"] for one in checked["items"][0]["attachments"]] == ["levels.svg"]
    assert "content-disposition: attachment; filename*=UTF-8''levels.svg" in attached
    assert (directory / "plot.svg").read_bytes() == (directory / "levels.svg").read_bytes()
    promotion, whom = documents(asked)
    assert promotion["decision"]["outcome"] == "waiting"
    assert ([one["name"] for one in whom["people"]], whom["more"]) == (["ada"], False)
    assert documents(approved)[0]["phase"] == "APPROVED"
    assert documents(applied)[0]["is_current"]

    (carrying,) = documents(carried)
    assert carrying["approved_with"] == carrying["current"] == history["items"][0]
    assert carrying["changes"] == {"fields": [], "sections": [], "complete": True}

    of_production, manifest = documents(live)
    assert of_production["digest"] == manifest["digest"] == version["digest"]
    assert "live.txt: OK" in live
    assert (directory / "live.txt").read_text() == (directory / "tide.txt").read_text()
    head, _, body = part.replace("\r", "").partition("\n\n")
    assert "206" in head.splitlines()[0] and "content-range: bytes 0-4/25" in head
    assert body.split() == ["level", "304"]

    in_production, unchecked, of_models, of_late = documents(looked_for)
    assert [one["number"] for one in of_late["items"]] == [1]
    assert [one["number"] for one in in_production["items"]] == [1]
    assert [one["number"] for one in unchecked["items"]] == [1]
    assert [one["name"] for one in of_models["items"]] == ["tide"]

    of_versions, of_models = documents(facets)
    assert of_versions["facets"][0] == {"field": "framework", "values": [], "lacking": 1, "more": False}
    assert of_models["facets"][0]["values"] == [{"value": "ada", "count": 1}]
    assert [(one["model_name"], one["version"]) for one in documents(by_words)[0]["items"]] == [("tide", None)]

    (moved,) = documents(event)[0]["events"]
    assert (moved["kind"], moved["subject"]) == ("alias.moved", "champion")

    assert second.strip() == ""
    rolled_back, stage = documents(back)
    assert (rolled_back["kind"], rolled_back["replaces"]) == ("rollback", 2)
    assert (stage["version"], stage["failed"]) == (1, [2])

    edited, discussion = documents(talked)
    assert edited["edited_at"] and edited["mentions"] == {"people": ["ada"], "groups": []}
    assert [comment["text"] for comment in discussion["items"]] == ["@ada, was that the storm of Tuesday?"]

    subscribed, newest, of_kinds = documents(followed)
    assert {one["event"]["kind"].partition(".")[0] for one in of_kinds["items"]} == {"promotion"}
    assert subscribed["pattern"] == "tid?"
    assert [(one["event"]["kind"], one["concerns"]) for one in newest["items"][:2]] == [
        ("comment.edited", ["owner", "mentioned", "subscribed"]),
        ("comment.added", ["owner", "mentioned", "subscribed"]),
    ]

    _, in_force, ended = documents(stood_in)
    assert [(one["principal"], one["to"]) for one in in_force["items"]] == [("ada", "grace")]
    assert (ended["ended_by"], ended["reason"]) == ("ada", "Holidays.")

    (waiting,) = documents(inbox)
    assert [(one["model_name"], one["stage"]) for one in waiting["reviews"]] == [("tide", "staging")]
    assert waiting["reviews"][0]["missing"][0]["code"] == "review_missing"

    (reviewed,) = documents(many)
    assert [(one["phase"], one["code"]) for one in reviewed["outcomes"]] == [
        ("APPROVED", None),
        (None, "promotion_final"),
    ]

    upwards, made = documents(traced)
    assert [(node["kind"], node["ref"]) for node in upwards["nodes"]] == [
        ("version", "tide/2"),
        ("dataset", "s3://pier/levels-2026.csv"),
        ("version", "tide/1"),
    ]
    assert [(one["model_name"], one["version"]) for one in made["items"]] == [("tide", 2)]

    by_file, by_deployment, by_target = documents(answered_for)
    assert [(one["version"]["number"], one["files"]) for one in by_file["items"]] == [
        (2, ["tide.txt"]),
        (1, ["tide.txt"]),
    ]
    assert [one["reviewer"] for one in by_deployment["promotions"][-1]["reviews"]] == ["ada"]
    assert by_target["items"] == [by_deployment]

    (freed,) = documents(released)
    assert (freed["status"], freed["stage"], freed["released_at"] is not None) == ("ended", "production", True)

    live_now, in_stage, at_noon = documents(was_live)
    (of_tide,), (of_stage,), (before,) = live_now["items"], in_stage["items"], at_noon["items"]
    assert [(one["stage"], one["version"]) for one in of_tide["stages"]] == [("production", 1)]
    assert [(one["target"], one["drifted"]) for one in of_tide["deployments"]] == [("pier-display", True)]
    assert [one["drifted"] for one in before["deployments"]] == [False]
    assert (of_stage["stages"], of_stage["deployments"]) == (of_tide["stages"], [])

    series, by_role = documents(measured)
    assert [one["metrics"] for one in series["items"]] == [{"p95_ms": 52.5}]
    assert [(one["role"], one["metrics"]["p95_ms"]["difference"]) for one in by_role["roles"]] == [
        ("primary", None),
        ("canary", 12.0),
    ]

    report, usages_, use, unused = documents(used)
    assert (report["rows"], usages_["items"], use["usages"]) == (1440, [report], 1)
    assert {one["kind"] for one in use["needed_for"]} >= {"stage", "deployment"}
    assert unused["items"] == [], "the display was seen to serve the second"

    (comparison,) = documents(compared)
    assert comparison["metrics"][0]["values"] == [4.2, 4.2, 9.9]
    assert (comparison["metrics"][0]["best"], comparison["metrics"][0]["direction"]) == ([0, 1], "lower_is_better")

    impact, gone = documents(revoked)
    assert (impact["versions"], impact["stages"], gone["status"]) == ([2], [], "revoked")
    assert examined.strip() == ""
    assert (directory / "broken.txt").read_text() == (directory / "tide.txt").read_text()

    held, in_use, gone, back_again = documents(deleted)
    assert held["legal_hold"]["reason"] == "evidence in a case"
    assert in_use["details"]["used_by"] == ["legal_hold:evidence in a case"]
    assert (gone["deletion"]["restorable"], back_again["deletion"], back_again["number"]) == (True, None, 3)

    assert [problem["code"] for problem in documents(refused)] == ["model_not_found", "idempotency_key_reused"]
    changed, late = documents(updated)
    assert changed["tags"] == {"team": "harbour"}
    assert (late["code"], late["status"]) == ("revision_mismatch", 412)

    of_models, of_versions, of_stages, of_uploads = documents(forgotten)
    assert [one["model_name"] for one in of_models["items"]] == ["tide"]
    assert 1 not in {one["version"] for one in of_versions["items"]}
    assert of_stages["items"] == of_uploads["items"] == []

    rule, judged, looked, let_go, over = documents(retained)
    assert (rule["version"], judged["phase"], let_go["phase"], over["ended_by"] is not None) == (
        1,
        "READY",
        "APPLIED",
        True,
    )
    assert {one["fate"] for one in looked["items"]} == {"STAYS"}
    assert judged["going"] == let_go["deleted"] == 0

    now, then, freed = documents(renamed)
    assert (now["name"], now["former_names"], freed["former_names"]) == ("tide-at-the-pier", ["tide"], [])
    assert (then["code"], then["details"]["renamed_to"]) == ("model_renamed", "tide-at-the-pier")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages are typed with curl")
async def test_the_pages_can_be_typed_and_have_every_operation(
    tmp_path: Path, dialect: DialectName, request: pytest.FixtureRequest
) -> None:
    """Each page against a registry of its own, on either database."""
    typed: set[tuple[str, str]] = set()
    printed: dict[str, list[str]] = {}
    for page in ("http.md", "http-administration.md"):
        (directory := tmp_path / page).mkdir()
        on_other: dict[str, str] = {}
        if dialect == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            on_other["database_url"] = server.url(await server.create())
        settings = settings_for(tmp_path / f"service of {page}", **on_other)
        # The service has a loop of its own, in a thread.
        printed[page], answered = await asyncio.to_thread(typed_into_a_new_service, settings, directory, page)
        typed |= answered
    check_story(printed["http.md"], tmp_path / "http.md")
    asked = operations()
    assert len(asked) > 100
    assert asked - typed == OF_BUCKETS
    _, people, taken_back, tokens, _, _, policies, *_, deleted = printed["http-administration.md"]
    assert documents(people)[-1]["items"][0]["members"] == ["vera"]
    assert documents(taken_back)[-1]["disabled"]
    assert "mreg_" not in tokens, "none is shown but to the file that keeps it"
    assert documents(policies)[0]["outcome"] == "waiting"
    assert documents(deleted)[-1]["name"] == "tide"
