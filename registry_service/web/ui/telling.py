"""What happened, in words: what somebody did, with the promotion and the version to follow where it was done to one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from registry_service.domain.entities import Event
from registry_service.domain.events import EventKind


class Place(Enum):
    """Where it is told: by itself, beside the model's name, or on the page of the version that it was done to."""

    BY_ITSELF = "by itself"
    OF_MODEL = "of model"
    OF_VERSION = "of version"


# `{model}`, `{version}`, `{stage}`, `{promotion}`, `{return}` and `{discussed}` are what it was done to, as one calls
# that in the place where it is told; other names are those of the event's data. What stands between brackets is left
# out where the event lacks what it names.
_DID: Final[Mapping[str, str]] = MappingProxyType(
    {
        EventKind.MODEL_CREATED: "made {model}",
        EventKind.MODEL_UPDATED: "changed {model}",
        EventKind.MODEL_CARD_WRITTEN: "wrote the card of {model}",
        EventKind.MODEL_RENAMED: "renamed {model}",
        EventKind.MODEL_DELETED: "deleted {model}",
        EventKind.MODEL_RESTORED: "restored {model}",
        EventKind.MODEL_RELEASED: "released a former name of {model}",
        EventKind.VERSION_REGISTERED: "registered {version}",
        EventKind.VERSION_UPDATED: "changed what is said of {version}",
        EventKind.VERSION_LINEAGE_ADDED: "added to the lineage of {version}",
        EventKind.VERSION_REVOKED: "revoked {version}",
        EventKind.VERSION_DELETED: "deleted {version}",
        EventKind.VERSION_RESTORED: "restored {version} after it was deleted",
        EventKind.VERSION_LEGAL_HOLD_PLACED: "placed a legal hold on {version}",
        EventKind.VERSION_LEGAL_HOLD_LIFTED: "lifted the legal hold on {version}",
        EventKind.VERSION_EXAMINED: "examined {version}, which is revoked",
        EventKind.VERSION_USED: "used {version}",
        EventKind.ALIAS_MOVED: "moved the alias[ {subject}] to {version}",
        EventKind.ALIAS_REMOVED: "removed the alias[ {subject}] of {model}",
        EventKind.STAGE_ARRANGED: "arranged the stages of {model}",
        EventKind.STAGE_HELD: "put a hold on {stage} of {model}",
        EventKind.STAGE_RELEASED: "took the hold off {stage} of {model}",
        EventKind.STAGE_VACATED: "vacated {stage} of {model}",
        EventKind.STAGE_FAILURE_CLEARED: "cleared the failure of {version} in {stage}",
        EventKind.STAGE_MOVED: "moved {stage} to {version}",
        EventKind.CHECK_REPORTED: "reported the check[ {check}] of {version}[: {status}]",
        EventKind.PROMOTION_REQUESTED: "asked for {promotion}",
        EventKind.PROMOTION_APPROVED: "gave the last approval for {promotion}",
        EventKind.PROMOTION_UNAPPROVED: "took the approval from {promotion}",
        EventKind.PROMOTION_LEASED: "began to deploy for {promotion}",
        EventKind.PROMOTION_LEASE_RELEASED: "gave up the lease of {promotion}",
        EventKind.PROMOTION_APPLIED: "applied {promotion}",
        EventKind.PROMOTION_FAILED: "reported a failure of {promotion}",
        EventKind.PROMOTION_REJECTED: "rejected {promotion}",
        EventKind.PROMOTION_CANCELLED: "cancelled {promotion}",
        EventKind.PROMOTION_EXPIRED: "let {promotion} expire",
        EventKind.PROMOTION_STALE: "found {promotion} out of date",
        EventKind.PROMOTION_SUPERSEDED: "superseded {promotion}",
        EventKind.PROMOTION_ROLLED_BACK: "rolled back {return}",
        EventKind.PROMOTION_REMINDED: "reminded of {promotion}",
        EventKind.PROMOTION_ESCALATED: "escalated {promotion}",
        EventKind.REVIEW_GIVEN: "reviewed {promotion}[: {verdict}]",
        EventKind.REVIEW_WITHDRAWN: "took back a review of {promotion}",
        EventKind.DEPLOYMENT_STARTED: "began a deployment of {version}[ at {target}]",
        EventKind.DEPLOYMENT_OBSERVED: "observed a deployment of {version}[ at {target}]",
        EventKind.DEPLOYMENT_DRIFTED: "saw a deployment of {version}[ at {target}] drift",
        EventKind.DEPLOYMENT_ENDED: "ended a deployment of {version}[ at {target}]",
        EventKind.COMMENT_ADDED: "commented on {discussed}",
        EventKind.COMMENT_EDITED: "edited a comment on {discussed}",
        EventKind.COMMENT_REMOVED: "removed a comment on {discussed}",
        EventKind.ARTIFACT_DAMAGED: "found damaged bytes[ of {model}]",
        EventKind.ARTIFACT_HEALED: "found damaged bytes[ of {model}] whole again",
        EventKind.REGISTRY_RESTORED: "restored the registry from a backup",
        EventKind.POLICY_WRITTEN: "wrote the policy[ {subject}]",
        EventKind.POLICY_ATTACHED: "attached the policy[ {subject}][ to {model_pattern}]",
        EventKind.POLICY_DETACHED: "detached the policy[ {subject}][ from {model_pattern}]",
        EventKind.POLICY_CHANGE_PROPOSED: "proposed a change of the policy[ {subject}]",
        EventKind.POLICY_CHANGE_WITHDRAWN: "withdrew a change of the policy[ {subject}]",
        EventKind.RETENTION_RULE_WRITTEN: "wrote the retention rule[ {subject}]",
        EventKind.RETENTION_RULE_ENDED: "ended the retention rule[ {subject}]",
        EventKind.RETENTION_APPLIED: "deleted by retention rules[: {deleted} of {model_pattern}]",
        EventKind.PRINCIPAL_CREATED: "made the principal[ {subject}]",
        EventKind.PRINCIPAL_UPDATED: "changed the principal[ {subject}]",
        EventKind.GROUP_WRITTEN: "wrote the group[ {subject}]",
        EventKind.GROUP_REMOVED: "removed the group[ {subject}]",
        EventKind.GRANT_CREATED: "gave a role[: {role} to {subject}]",
        EventKind.GRANT_REMOVED: "took a role away[: {role} from {subject}]",
        EventKind.DELEGATION_CREATED: "made a delegation[: {to} for {principal}]",
        EventKind.DELEGATION_ENDED: "ended a delegation[: {to} for {principal}]",
        EventKind.ACCESS_REFUSED: "was refused[: {action}]",
        EventKind.TOKEN_CREATED: "made a token[ of {principal}]",
        EventKind.TOKEN_REVOKED: "revoked a token[ of {principal}]",
    }
)
_PART: Final = re.compile(r"\[([^\]]*)\]")
_NAME: Final = re.compile(r"\{(\w+)\}")


class Piece(NamedTuple):
    """A piece of what is told. `leads_to`: the parts of the path of its page; empty where it has none."""

    text: str
    leads_to: tuple[str | int, ...] = ()


def told(event: Event, place: Place) -> list[Piece]:
    """What was done; of a kind that only a later release knows, its name."""

    words = _PART.sub(lambda part: _where_known(part[1], event), _DID.get(event.kind, f"{event.kind}[ {{model}}]"))
    return [
        Piece(text) if turn % 2 == 0 else _named(text, event, place)
        for turn, text in enumerate(_NAME.split(words))
        if text
    ]


def _named(name: str, event: Event, place: Place) -> Piece:
    return _THINGS[name](event, place) if name in _THINGS else Piece(_datum(event, name))


def _where_known(part: str, event: Event) -> str:
    return part if all(_datum(event, name) for name in _NAME.findall(part)) else ""


def _datum(event: Event, name: str) -> str:
    match name:
        case "subject":
            found: object = event.subject
        case "model":
            found = event.model_name
        case _:
            found = event.data.get(name)
    return "" if found is None else str(found).replace("_", " ") if name == "status" else str(found)


def _model(event: Event, place: Place) -> Piece:
    if place is not Place.BY_ITSELF or event.model_name is None:
        return Piece("the model")
    return Piece(event.model_name, ("models", event.model_name))


def _version(event: Event, place: Place) -> Piece:
    number = _datum(event, "version")
    if place is Place.OF_VERSION:
        return Piece("it")
    if event.model_name is None or not number:
        return Piece("a version" if place is Place.OF_MODEL else f"a version of {_model(event, place).text}")
    text = f"version {number}" if place is Place.OF_MODEL else f"{event.model_name} {number}"
    is_there = event.kind != EventKind.VERSION_DELETED
    return Piece(text, ("models", event.model_name, "versions", number) if is_there else ())


def _stage(event: Event, place: Place) -> Piece:  # noqa: ARG001 - one of those that take both
    return Piece(_datum(event, "stage") or "a stage")


def _promotion(event: Event, place: Place) -> Piece:
    of = _version(event, place) if _datum(event, "version") else _model(event, place)
    to = f" to {stage}" if (stage := _datum(event, "stage")) else ""
    return Piece(f"a promotion of {of.text}{to}", _page_of_promotion(event))


def _return(event: Event, place: Place) -> Piece:
    return Piece(f"{_stage(event, place).text} to {_version(event, place).text}", _page_of_promotion(event))


def _page_of_promotion(event: Event) -> tuple[str, ...]:
    promotion = _datum(event, "promotion") or event.subject
    return ("promotions", promotion) if promotion else ()


def _discussed(event: Event, place: Place) -> Piece:
    if _datum(event, "promotion"):
        return _promotion(event, place)
    return _version(event, place) if _datum(event, "version") else _model(event, place)


_THINGS: Final[Mapping[str, Callable[[Event, Place], Piece]]] = MappingProxyType(
    {
        "model": _model,
        "version": _version,
        "stage": _stage,
        "promotion": _promotion,
        "return": _return,
        "discussed": _discussed,
    }
)
