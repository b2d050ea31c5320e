from __future__ import annotations

import itertools
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidName, ModelNotFound, NotPermitted, PersonRequired
from registry_service.domain.permissions import (
    ALLOWED,
    PERSONAL,
    Action,
    Actor,
    Role,
    Scope,
    authorize,
    authorize_somewhere,
    check_pattern,
    has_role,
    is_privileged,
    may,
    may_anywhere,
    may_end_hold,
    meets,
    pattern_in_sight,
    reaches_no_further,
    readable_patterns,
)

READ = [
    "model:read",
    "version:read",
    "version:download",
    "promotion:read",
    "deployment:read",
    "event:read",
    "comment:read",
    "policy:read",
    "retention:read",
    "principal:read",
    "delegation:read",
    "inbox:own",
    "session:own",
    "subscription:own",
    "token:own",
]
CONTRIBUTE = [
    "model:create",
    "model:update",
    "version:register",
    "version:update",
    "check:report",
    "usage:report",
    "alias:move",
    "stage:hold",
    "promotion:request",
    "promotion:apply",
    "promotion:cancel",
    "promotion:rollback",
    "deployment:write",
    "comment:write",
]
APPROVE = [
    "promotion:review",
    "delegation:own",
    "version:revoke",
    "stage:release",
    "stage:vacate",
    "stage:clear_failure",
]
ADMINISTER = [
    "model:rename",
    "model:delete",
    "model:restore",
    "version:examine",
    "version:legal_hold",
    "comment:remove",
    "version:delete",
    "stage:arrange",
    "policy:write",
    "retention:write",
    "retention:run",
    "principal:write",
    "token:write",
    "maintenance:run",
    "metrics:read",
]
EXPECTED = {
    "reader": {*READ},
    "contributor": {*READ, *CONTRIBUTE},
    "approver": {*READ, *CONTRIBUTE, *APPROVE},
    "auditor": {*READ, "metrics:read"},
    "admin": {*READ, *CONTRIBUTE, *APPROVE, *ADMINISTER},
}
FOR_PEOPLE = {
    "version:examine",
    "comment:remove",
    "version:legal_hold",
    "promotion:review",
    "delegation:own",
    "stage:clear_failure",
    "stage:vacate",
    "policy:write",
    "retention:write",
    "principal:write",
    "token:write",
    "session:own",
    "subscription:own",
}

NAMES = ["team-a.fraud", "team-a.churn", "team-b.fraud", "fraud"]
PATTERNS = ["*", "team-a.*", "team-?.fraud", "fraud", "Fraud"]

scopes = st.builds(Scope, st.sampled_from(Role), st.sampled_from(PATTERNS))
actors = st.builds(
    Actor,
    name=st.just("ann"),
    is_person=st.booleans(),
    grants=st.lists(scopes, max_size=3).map(tuple),
    token_role=st.none() | st.sampled_from(Role),
    token_patterns=st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple),
)
model_names = st.none() | st.sampled_from(NAMES)


def person(*grants: tuple[Role, str], **more: object) -> Actor:
    scoped = tuple(Scope(role, pattern) for role, pattern in grants)
    return Actor(name="ann", is_person=True, grants=scoped, **more)  # type: ignore[arg-type]  # as the tests say


def test_the_actions_of_each_role_are_these() -> None:
    assert {role.value: {action.value for action in actions} for role, actions in ALLOWED.items()} == EXPECTED
    assert {action.value for action in PERSONAL} == FOR_PEOPLE
    assert set(ALLOWED) == set(Role)


@pytest.mark.parametrize(("role", "action", "is_person"), list(itertools.product(Role, Action, [True, False])))
def test_a_role_gives_its_actions_to_people_and_the_impersonal_ones_to_services(
    role: Role, action: Action, is_person: bool
) -> None:
    actor = Actor(name="it", is_person=is_person, grants=(Scope(role, "fraud"),))
    expected = action.value in EXPECTED[role] and (is_person or action.value not in FOR_PEOPLE)
    assert may(actor, action, "fraud") is expected
    assert may_anywhere(actor, action) is expected
    assert not may(actor, action, "churn")
    assert not may(actor, action, None)


def test_only_a_grant_on_everything_reaches_the_registry_as_a_whole() -> None:
    assert may(person((Role.ADMIN, "*")), Action.POLICY_WRITE, None)
    assert not may(person((Role.ADMIN, "team-a.*")), Action.POLICY_WRITE, None)


def test_patterns_cover_whole_names_and_mind_the_case() -> None:
    assert [name for name in NAMES if Scope(Role.READER, "team-a.*").covers(name)] == ["team-a.fraud", "team-a.churn"]
    assert [name for name in NAMES if Scope(Role.READER, "fraud").covers(name)] == ["fraud"]
    assert [name for name in NAMES if Scope(Role.READER, "team-?.fraud").covers(name)] == [
        "team-a.fraud",
        "team-b.fraud",
    ]
    assert not Scope(Role.READER, "FRAUD").covers("fraud")


@pytest.mark.parametrize("pattern", ["", "a[bc]", "a/b", "x" * 257, "a\nb", "é"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidName):
        check_pattern(pattern)


def test_a_pattern_is_given_back() -> None:
    assert check_pattern("team-?.fraud *") == "team-?.fraud *"


def test_roles_include_others_as_the_words_say() -> None:
    included = {role: {other for other in Role if has_role((Scope(role, "*"),), other, "fraud")} for role in Role}
    assert included == {
        Role.READER: {Role.READER},
        Role.CONTRIBUTOR: {Role.READER, Role.CONTRIBUTOR},
        Role.APPROVER: {Role.READER, Role.CONTRIBUTOR, Role.APPROVER},
        Role.AUDITOR: {Role.READER, Role.AUDITOR},
        Role.ADMIN: set(Role),
    }


def test_whoever_includes_a_role_may_do_all_that_it_may() -> None:
    for role, other in itertools.product(Role, Role):
        if has_role((Scope(role, "*"),), other, "fraud"):
            assert ALLOWED[other] <= ALLOWED[role]


def test_a_role_on_other_models_is_no_role_here() -> None:
    assert not has_role((Scope(Role.ADMIN, "team-b.*"),), Role.READER, "team-a.fraud")


def test_a_token_narrows_to_its_role_and_to_its_models() -> None:
    reading = person((Role.ADMIN, "*"), token_role=Role.READER)
    assert may(reading, Action.MODEL_READ, "fraud") and may_anywhere(reading, Action.MODEL_READ)
    assert not may(reading, Action.MODEL_UPDATE, "fraud") and not may_anywhere(reading, Action.MODEL_UPDATE)
    narrow = person((Role.ADMIN, "*"), token_patterns=("team-a.*",))
    assert may(narrow, Action.MODEL_UPDATE, "team-a.fraud") and not may(narrow, Action.MODEL_UPDATE, "team-b.fraud")
    assert not may(narrow, Action.POLICY_WRITE, None)


@pytest.mark.parametrize(
    ("more", "narrowed"),
    [({}, False), ({"token_role": Role.ADMIN}, True), ({"token_patterns": ("*",)}, True)],
)
def test_a_token_that_names_a_bound_is_a_narrowed_one(more: dict[str, object], narrowed: bool) -> None:
    assert person((Role.ADMIN, "*"), **more).is_narrowed is narrowed


@pytest.mark.parametrize(
    ("actor", "maker", "may_end"),
    [
        (Role.CONTRIBUTOR, Role.CONTRIBUTOR, False),
        (Role.APPROVER, Role.CONTRIBUTOR, True),
        (Role.APPROVER, Role.APPROVER, True),
        (Role.APPROVER, Role.ADMIN, False),
        (Role.ADMIN, Role.ADMIN, True),
        (Role.ADMIN, None, True),
    ],
)
def test_a_hold_of_somebody_else_ends_by_who_may_release_and_may_do_no_less(
    actor: Role, maker: Role | None, may_end: bool
) -> None:
    held_by = Actor(name="bea", is_person=True, grants=() if maker is None else (Scope(maker, "*"),))
    assert may_end_hold(person((actor, "*")), held_by, "fraud") is may_end


def test_ones_own_hold_ends_by_oneself_whatever_one_may() -> None:
    assert may_end_hold(person(), person((Role.ADMIN, "*")), "fraud")


def test_who_may_do_more_elsewhere_does_not_outrank_here() -> None:
    held_by = Actor(name="bea", is_person=True, grants=(Scope(Role.APPROVER, "fraud"), Scope(Role.ADMIN, "team-a.*")))
    assert may_end_hold(person((Role.APPROVER, "fraud")), held_by, "fraud")


def test_the_gate_is_open_to_whom_it_is_open() -> None:
    authorize(person((Role.CONTRIBUTOR, "fraud")), Action.MODEL_UPDATE, "fraud")
    authorize(person((Role.ADMIN, "*")), Action.POLICY_WRITE, None)


@given(actors, st.sampled_from(Action), model_names)
def test_a_token_never_widens_what_its_principal_may(actor: Actor, action: Action, model_name: str | None) -> None:
    bare = Actor(name=actor.name, is_person=actor.is_person, grants=actor.grants)
    assert may(actor, action, model_name) <= may(bare, action, model_name)
    assert may_anywhere(actor, action) <= may_anywhere(bare, action)


@given(actors, st.sampled_from(Action), model_names)
def test_what_one_may_somewhere_passes_the_coarse_check(actor: Actor, action: Action, model_name: str | None) -> None:
    assert may(actor, action, model_name) <= may_anywhere(actor, action)


@given(actors, st.sampled_from(sorted(PERSONAL)), model_names)
def test_no_service_does_what_is_for_people(actor: Actor, action: Action, model_name: str | None) -> None:
    service = Actor(name="bot", is_person=False, grants=(*actor.grants, Scope(Role.ADMIN, "*")))
    assert not may(service, action, model_name)
    assert not may_anywhere(service, action)


@given(actors, st.sampled_from(sorted(set(Action) - PERSONAL)), st.sampled_from(NAMES))
def test_lists_show_exactly_what_may_be_read_one_by_one(actor: Actor, action: Action, model_name: str) -> None:
    both = [
        any(fnmatchcase(model_name, pattern) for pattern in patterns) for patterns in readable_patterns(actor, action)
    ]
    assert all(both) is may(actor, action, model_name)


@given(actors, st.sampled_from(Action), model_names)
def test_the_gate_lets_through_exactly_what_one_may(actor: Actor, action: Action, model_name: str | None) -> None:
    if may(actor, action, model_name):
        authorize(actor, action, model_name)
        return
    with pytest.raises((ModelNotFound, NotPermitted)) as refusal:
        authorize(actor, action, model_name)
    hidden = model_name is not None and not may(actor, Action.MODEL_READ, model_name)
    assert (refusal.type is ModelNotFound) is hidden


def test_what_one_may_not_read_looks_like_what_is_not_there() -> None:
    with pytest.raises(ModelNotFound):
        authorize(person((Role.ADMIN, "team-b.*")), Action.MODEL_UPDATE, "team-a.fraud")


def test_a_service_learns_that_a_person_is_needed() -> None:
    service = Actor(name="airflow", is_person=False, grants=(Scope(Role.ADMIN, "*"),))
    with pytest.raises(PersonRequired, match="Ask a person"):
        authorize(service, Action.PROMOTION_REVIEW, "fraud")
    with pytest.raises(PersonRequired):
        authorize(service, Action.POLICY_WRITE, None)


def test_a_reader_learns_whom_to_ask() -> None:
    with pytest.raises(NotPermitted, match=r"on 'fraud'\. Ask an admin"):
        authorize(person((Role.READER, "*")), Action.MODEL_UPDATE, "fraud")
    with pytest.raises(NotPermitted, match="on the whole registry"):
        authorize(person((Role.ADMIN, "fraud")), Action.POLICY_WRITE, None)


def test_a_token_without_the_role_for_it_lists_nothing() -> None:
    actor = person((Role.ADMIN, "*"), token_role=Role.READER)
    assert readable_patterns(actor, Action.MODEL_UPDATE) == ((), ())
    assert readable_patterns(actor, Action.MODEL_READ) == (("*",), ("*",))


def test_what_belongs_to_no_model_asks_for_a_role_anywhere() -> None:
    authorize_somewhere(person((Role.READER, "fraud")), Action.POLICY_READ)
    with pytest.raises(NotPermitted, match="anywhere"):
        authorize_somewhere(person(), Action.POLICY_READ)
    service = Actor(name="airflow", is_person=False, grants=(Scope(Role.ADMIN, "*"),))
    with pytest.raises(PersonRequired):
        authorize_somewhere(service, Action.POLICY_WRITE)


def all_words(letters: str, longest: int) -> list[str]:
    return ["".join(word) for n in range(1, longest + 1) for word in itertools.product(letters, repeat=n)]


def test_a_pattern_that_reaches_no_further_matches_no_other_name() -> None:
    patterns, names = all_words("ab*?", 3), all_words("ab", 5)
    matched = {pattern: {name for name in names if fnmatchcase(name, pattern)} for pattern in patterns}
    narrower = [pair for pair in itertools.product(patterns, patterns) if reaches_no_further(*pair)]
    assert len(narrower) > 500
    assert all(matched[pattern] <= matched[bound] for pattern, bound in narrower)


def test_patterns_meet_where_a_name_matches_both() -> None:
    patterns, names = all_words("ab*?", 3), all_words("ab", 6)
    matched = {pattern: {name for name in names if fnmatchcase(name, pattern)} for pattern in patterns}
    for one, other in itertools.product(patterns, patterns):
        assert meets(one, other) is bool(matched[one] & matched[other]), (one, other)


@pytest.mark.parametrize(
    ("pattern", "seen"),
    [("*", True), ("fraud.*", True), ("fraud.eu", True), ("*.eu", True), ("churn.*", False), ("fraud.us", False)],
)
def test_a_pattern_is_in_sight_where_it_speaks_of_models_that_are(pattern: str, seen: bool) -> None:
    otto = Actor(
        name="otto", is_person=True, grants=(Scope(Role.READER, "fraud.*"),), token_patterns=("*.eu", "fraud.e?")
    )
    assert pattern_in_sight(otto, Action.POLICY_READ, pattern) is seen


@pytest.mark.parametrize(
    ("pattern", "bound", "within"),
    [
        ("fraud", "*", True),
        ("team-a.fraud", "team-a.*", True),
        ("team-a.*", "team-a.*", True),
        ("team-?.x", "team-*", True),
        ("*", "team-a.*", False),
        ("team-*", "team-a.*", False),
        ("team-*", "team-?*", False),
        ("team-?", "team-?", True),
    ],
)
def test_a_narrower_pattern_is_told_from_a_wider_one(pattern: str, bound: str, within: bool) -> None:
    assert reaches_no_further(pattern, bound) is within


def test_what_takes_more_than_to_contribute_is_privileged() -> None:
    assert {action for action in Action if is_privileged(action)} == set(Action) - {
        Action(name) for name in (*READ, *CONTRIBUTE)
    }
