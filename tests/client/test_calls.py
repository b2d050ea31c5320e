from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest

from registry_service.client import (
    AsyncRegistryClient,
    InvalidInput,
    InvalidName,
    RegistryClient,
    calls,
    following,
    plans,
)
from registry_service.client import UpdateModel as Body
from registry_service.client.calls import Call

BUILDERS = {name: value for name, value in vars(calls).items() if inspect.isfunction(value)}

# What each call looks like on the wire. The service's routes are the other half of this table.
WIRE = {
    "who_am_i": "GET /whoami",
    "list_models": "GET /models",
    "create_model": "POST /models",
    "get_model": "GET /models/{model}",
    "update_model": "PATCH /models/{model}",
    "rename_model": "POST /models/{model}/rename",
    "delete_model": "DELETE /models/{model}",
    "restore_model": "POST /models/{model}/restore",
    "release_name": "POST /models/{model}/release",
    "list_versions": "GET /models/{model}/versions",
    "list_all_versions": "GET /versions",
    "search": "GET /search",
    "count_facets": "GET /versions/facets",
    "count_model_facets": "GET /facets/models",
    "register_version": "POST /models/{model}/versions",
    "get_version": "GET /models/{model}/versions/{selector}",
    "update_version": "PATCH /models/{model}/versions/{selector}",
    "revoke_version": "POST /models/{model}/versions/{selector}/revoke",
    "delete_version": "POST /models/{model}/versions/{selector}/delete",
    "restore_version": "POST /models/{model}/versions/{selector}/restore",
    "place_legal_hold": "POST /models/{model}/versions/{selector}/legal-hold",
    "lift_legal_hold": "POST /models/{model}/versions/{selector}/legal-hold/lift",
    "revoke_impact": "GET /models/{model}/versions/{selector}/revoke/impact",
    "get_manifest": "GET /models/{model}/versions/{selector}/files",
    "download_file": "GET /models/{model}/versions/{selector}/files/{path}",
    "list_checks": "GET /models/{model}/versions/{selector}/checks",
    "report_check": "POST /models/{model}/versions/{selector}/checks",
    "list_usages": "GET /models/{model}/versions/{selector}/usages",
    "report_usage": "POST /models/{model}/versions/{selector}/usages",
    "get_version_use": "GET /models/{model}/versions/{selector}/use",
    "compare_versions": "GET /compare",
    "get_lineage": "GET /models/{model}/versions/{selector}/lineage",
    "add_lineage": "POST /models/{model}/versions/{selector}/lineage",
    "list_made_from": "GET /lineage",
    "list_provenance": "GET /provenance/{digest}",
    "list_served": "GET /provenance",
    "get_deployment_provenance": "GET /deployments/{deployment}/provenance",
    "list_uploads": "GET /uploads",
    "start_upload": "POST /uploads",
    "get_upload": "GET /uploads/{upload}",
    "send_upload_file": "PUT /uploads/{upload}/files/{digest}",
    "get_upload_file": "GET /uploads/{upload}/files/{digest}",
    "continue_upload_file": "PATCH /uploads/{upload}/files/{digest}",
    "sign_upload_parts": "POST /uploads/{upload}/files/{digest}/parts",
    "complete_upload_file": "POST /uploads/{upload}/files/{digest}/complete",
    "abort_upload": "DELETE /uploads/{upload}",
    "list_aliases": "GET /models/{model}/aliases",
    "get_alias": "GET /models/{model}/aliases/{alias}",
    "move_alias": "PUT /models/{model}/aliases/{alias}",
    "remove_alias": "DELETE /models/{model}/aliases/{alias}",
    "list_stages": "GET /models/{model}/stages",
    "arrange_stages": "PUT /models/{model}/stages",
    "get_stage": "GET /models/{model}/stages/{stage}",
    "stage_history": "GET /models/{model}/stages/{stage}/history",
    "hold_stage": "POST /models/{model}/stages/{stage}/hold",
    "release_stage": "POST /models/{model}/stages/{stage}/release",
    "vacate_stage": "POST /models/{model}/stages/{stage}/vacate",
    "roll_back": "POST /models/{model}/stages/{stage}/rollback",
    "clear_failure": "POST /models/{model}/stages/{stage}/clear-failure",
    "list_promotions": "GET /promotions",
    "request_promotion": "POST /promotions",
    "get_promotion": "GET /promotions/{promotion}",
    "review_promotion": "POST /promotions/{promotion}/reviews",
    "review_promotions": "POST /reviews",
    "list_possible_reviewers": "GET /promotions/{promotion}/reviewers",
    "withdraw_review": "POST /promotions/{promotion}/reviews/withdraw",
    "take_lease": "POST /promotions/{promotion}/lease",
    "release_lease": "POST /promotions/{promotion}/release",
    "apply_promotion": "POST /promotions/{promotion}/apply",
    "fail_promotion": "POST /promotions/{promotion}/fail",
    "cancel_promotion": "POST /promotions/{promotion}/cancel",
    "download_attachment": "GET /models/{model}/versions/{selector}/checks/{check}/attachments/{name}",
    "get_card": "GET /models/{model}/card",
    "write_card": "PUT /models/{model}/card",
    "list_card_history": "GET /models/{model}/card/history",
    "get_card_revision": "GET /models/{model}/card/history/{digest}",
    "get_version_card": "GET /models/{model}/versions/{selector}/card",
    "list_model_comments": "GET /models/{model}/comments",
    "comment_on_model": "POST /models/{model}/comments",
    "list_version_comments": "GET /models/{model}/versions/{selector}/comments",
    "comment_on_version": "POST /models/{model}/versions/{selector}/comments",
    "list_promotion_comments": "GET /promotions/{promotion}/comments",
    "comment_on_promotion": "POST /promotions/{promotion}/comments",
    "get_comment": "GET /comments/{comment}",
    "edit_comment": "PATCH /comments/{comment}",
    "remove_comment": "DELETE /comments/{comment}",
    "get_inbox": "GET /inbox",
    "mark_mentions_read": "POST /inbox/read",
    "list_activity": "GET /activity",
    "list_subscriptions": "GET /subscriptions",
    "subscribe": "POST /subscriptions",
    "unsubscribe": "DELETE /subscriptions/{subscription}",
    "list_delegations": "GET /delegations",
    "delegate": "POST /delegations",
    "end_delegation": "DELETE /delegations/{delegation}",
    "list_deployments": "GET /deployments",
    "start_deployment": "POST /deployments",
    "get_deployment": "GET /deployments/{deployment}",
    "observe_deployment": "POST /deployments/{deployment}/observed",
    "list_deployment_metrics": "GET /deployments/{deployment}/metrics",
    "compare_roles": "GET /deployments/{deployment}/metrics/roles",
    "live": "GET /live",
    "list_policies": "GET /policies",
    "write_policy": "POST /policies",
    "get_policy": "GET /policies/{name}",
    "list_policy_changes": "GET /policies/changes",
    "confirm_policy_change": "POST /policies/changes/{change}/confirm",
    "withdraw_policy_change": "POST /policies/changes/{change}/withdraw",
    "list_attachments": "GET /policies/attachments",
    "attach_policy": "POST /policies/attachments",
    "detach_policy": "POST /policies/attachments/{attachment}/detach",
    "test_policy": "POST /policies/test",
    "list_retention_rules": "GET /retention/rules",
    "write_retention_rule": "POST /retention/rules",
    "get_retention_rule": "GET /retention/rules/{rule}",
    "end_retention_rule": "POST /retention/rules/{rule}/end",
    "list_model_stock": "GET /forgotten/models",
    "list_forgotten_versions": "GET /forgotten/versions",
    "list_forgotten_stages": "GET /forgotten/stages",
    "list_forgotten_uploads": "GET /forgotten/uploads",
    "list_previews": "GET /retention/previews",
    "start_preview": "POST /retention/previews",
    "get_preview": "GET /retention/previews/{preview}",
    "list_previewed_versions": "GET /retention/previews/{preview}/versions",
    "continue_preview": "POST /retention/previews/{preview}/continue",
    "apply_preview": "POST /retention/previews/{preview}/apply",
    "read_events": "GET /events",
    "stream_events": "GET /events/stream",
    "list_consumers": "GET /consumers",
    "get_consumer": "GET /consumers/{consumer}",
    "move_consumer": "PUT /consumers/{consumer}",
    "remove_consumer": "DELETE /consumers/{consumer}",
    "list_principals": "GET /principals",
    "create_principal": "POST /principals",
    "get_principal": "GET /principals/{name}",
    "update_principal": "PATCH /principals/{name}",
    "create_grant": "POST /grants",
    "remove_grant": "DELETE /grants/{grant}",
    "list_groups": "GET /groups",
    "write_group": "PUT /groups/{name}",
    "remove_group": "DELETE /groups/{name}",
    "list_tokens": "GET /tokens",
    "create_token": "POST /tokens",
    "revoke_token": "DELETE /tokens/{token}",
    "create_login_link": "POST /login-links",
    "end_sessions": "DELETE /sessions",
    "collect_garbage": "POST /maintenance/gc",
    "scrub": "POST /maintenance/scrub",
}


def built(builder: Callable[..., Call[Any]]) -> Call[Any]:
    """A call with each path parameter standing for itself, in capitals."""
    values: dict[str, Any] = {}
    for name, parameter in inspect.signature(builder).parameters.items():
        if name == "body":
            values[name] = Body()
        elif name == "content":
            values[name] = None
        elif name in {"offset", "revision", "size"}:
            values[name] = 7
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            values[name] = f"_{name}_"
    return builder(**values)


def test_each_call_has_its_row_in_the_table() -> None:
    assert set(BUILDERS) == set(WIRE)


@pytest.mark.parametrize("name", sorted(WIRE))
def test_a_call_goes_where_the_table_says(name: str) -> None:
    call = built(BUILDERS[name])
    words = "".join(f"{{{word}}}" if odd else word for odd, word in _split(call.path))
    assert f"{call.method} {words}" == WIRE[name]


@pytest.mark.parametrize("name", sorted(WIRE))
def test_a_call_answers_with_the_type_that_it_declares(name: str) -> None:
    call = built(BUILDERS[name])
    assert get_type_hints(BUILDERS[name])["return"] == Call[call.answer]  # type: ignore[name-defined]


@pytest.mark.parametrize("client", [RegistryClient, AsyncRegistryClient])
@pytest.mark.parametrize("name", sorted(WIRE))
def test_both_clients_have_each_call_with_its_own_signature(name: str, client: type) -> None:
    method = inspect.signature(getattr(client, name))
    assert list(method.parameters.values())[1:] == list(inspect.signature(BUILDERS[name]).parameters.values())
    assert inspect.iscoroutinefunction(getattr(client, name)) == (client is AsyncRegistryClient)
    assert getattr(client, name).__name__ == name


@pytest.mark.parametrize(
    "name", sorted(name for name, call in BUILDERS.items() if "Call[Page[" in str(call.__annotations__))
)
def test_both_clients_iterate_over_each_list(name: str) -> None:
    if name == "arrange_stages":
        return
    iterator = f"iterate_{name.removeprefix('list_')}"
    for client in (RegistryClient, AsyncRegistryClient):
        assert inspect.signature(getattr(client, iterator)).parameters == {
            "self": inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            **inspect.signature(BUILDERS[name]).parameters,
        }


def test_the_clients_differ_in_nothing_but_waiting() -> None:
    def public(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert public(RegistryClient) - {"close"} == public(AsyncRegistryClient) - {"aclose"}
    attaching = (plans.report_with_attachments, plans.download_attachments)
    for plan in (plans.register, plans.download, *attaching, plans.wait_for_events, following.events):
        for client in (RegistryClient, AsyncRegistryClient):
            described = list(inspect.signature(plan).parameters)
            assert list(inspect.signature(getattr(client, plan.__name__)).parameters) == ["self", *described]


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_refused_before_it_is_sent(name: str) -> None:
    with pytest.raises(InvalidName):
        calls.get_model(name)
    with pytest.raises(InvalidName):
        calls.download_file("churn", 1, f"a/{name}/b")


def test_path_parts_are_percent_encoded_and_selectors_stay_readable() -> None:
    assert calls.get_version("my model", "@champion").path == "/models/my%20model/versions/@champion"
    assert calls.get_version("a/b?c#d%e", "sha256:00").path == "/models/a%2Fb%3Fc%23d%25e/versions/sha256:00"
    assert calls.download_file("m", 1, "dir/a b.bin").path == "/models/m/versions/1/files/dir/a%20b.bin"


def test_what_is_not_given_is_not_asked_for() -> None:
    assert calls.list_models(limit=10, filter=None).query == {"limit": "10"}
    assert calls.list_models(include_deleted=True).query == {"include_deleted": "true"}
    assert calls.read_events(kinds=["promotion.*", "stage.moved"], wait=60).query == {
        "kinds": "promotion.*,stage.moved",
        "wait": "60",
    }


def test_a_time_without_a_zone_is_refused() -> None:
    at = datetime(2026, 3, 3, tzinfo=UTC)
    assert calls.get_stage("m", "production", as_of=at).query == {"as_of": "2026-03-03T00:00:00+00:00"}
    with pytest.raises(InvalidInput):
        calls.get_stage("m", "production", as_of=at.replace(tzinfo=None))


def test_every_public_name_of_the_client_can_be_imported() -> None:
    from registry_service import client

    for name in client.__all__:
        assert getattr(client, name).__name__ == name
    with pytest.raises(AttributeError):
        client.nothing  # noqa: B018


def _split(path: str) -> list[tuple[bool, str]]:
    return [
        (index % 2 == 1, word)
        for index, word in enumerate(path.replace("_/", "|/").replace("/_", "/|").rstrip("_").split("|"))
    ]
