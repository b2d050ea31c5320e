"""Conditions of policies: what they may speak of, and what they say of the facts.

A condition speaks of the version that is asked for, and as `current.…` of the one that is current in the stage.
`signature.changed` and `signature.compatible` (callers of the current one can be given the new one) compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from registry_service.domain.entities import Replaceability
from registry_service.domain.errors import InvalidFilter
from registry_service.domain.expressions import (
    Expression,
    Reference,
    Scalar,
    Type,
    Vocabulary,
    evaluate,
    parse,
    references,
)
from registry_service.domain.facts import Facts, VersionFacts
from registry_service.domain.metadata import INDEXED_FIELDS
from registry_service.domain.policies import PolicyDocument
from registry_service.domain.signatures import compare_signatures

SIGNATURE_CHANGED: Final = "signature.changed"
SIGNATURE_COMPATIBLE: Final = "signature.compatible"
_COMPARING: Final = frozenset({SIGNATURE_CHANGED, SIGNATURE_COMPATIBLE})

CONDITIONS: Final = Vocabulary(
    attributes={
        "number": Type.NUMBER,
        "digest": Type.TEXT,
        "created_at": Type.TIME,
        "created_by": Type.TEXT,
        **dict.fromkeys(INDEXED_FIELDS, Type.TEXT),
        "framework_version": Type.TEXT,
        "score": Type.NUMBER,
        SIGNATURE_CHANGED: Type.BOOLEAN,
        SIGNATURE_COMPATIBLE: Type.BOOLEAN,
    },
    # Not tags and description: who could change them after a review would choose the rules that it is judged by.
    spaces={"metrics": Type.NUMBER, "params": Type.MIXED},
    current=True,
    arithmetic=True,
)


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Expression:
    """:raises InvalidFilter: it is no condition over a version and the current one."""

    tree = parse(text, CONDITIONS)
    for reference in references(tree):
        if reference.name in _COMPARING and reference.current:
            raise InvalidFilter(
                f"'{reference.name}' compares with the current version already. Write it without 'current.'."
            )
    return tree


def holds(text: str, facts: Facts) -> bool | None:
    """Whether the condition is true of the facts; None where a value is missing. A condition that was kept by a
    release which read more than this one does is not settled either, instead of stopping every decision."""

    try:
        tree = parse_condition(text)
    except InvalidFilter:
        return None
    return evaluate(tree, lambda reference: _value(reference, facts))


def applies(text: str, facts: Facts) -> bool:
    """Whether a rule with this `when` applies: nobody escapes a review by leaving a value out."""
    return holds(text, facts) is not False


def figures(text: str, facts: Facts) -> Mapping[str, Scalar | None]:
    """What the condition looks at, by how it is written there, for the people who must mend it."""

    try:
        tree = parse_condition(text)
    except InvalidFilter:
        return MappingProxyType({})
    return {_written(reference): _value(reference, facts) for reference in references(tree)}


def cites_current(text: str) -> bool:
    """Whether the condition looks at the version that is current in the stage."""

    try:
        tree = parse_condition(text)
    except InvalidFilter:
        return True
    return any(reference.current or reference.name in _COMPARING for reference in references(tree))


def binds_current(document: PolicyDocument) -> bool:
    """Whether approvals under this policy hold only while the version stays current that was when they were given."""

    whens = [*(rule.when for rule in document.rules), *(check.when for check in document.checks)]
    texts = [*(text for text in whens if text is not None), *(one.expression for one in document.conditions)]
    return any(cites_current(text) for text in texts)


def _value(reference: Reference, facts: Facts) -> Scalar | None:
    if reference.name == SIGNATURE_CHANGED:
        return _signature_changed(facts)
    if reference.name == SIGNATURE_COMPATIBLE:
        return _signature_compatible(facts)
    version = facts.current if reference.current else facts.version
    if version is None:
        return None
    if reference.key is not None:
        return _by_key(version, reference.name, reference.key)
    return _attribute(version, reference.name)


def _by_key(version: VersionFacts, space: str, key: str) -> Scalar | None:
    spaces: Mapping[str, Mapping[str, Scalar]] = {
        "metrics": version.metadata.metrics,
        "params": version.metadata.params,
    }
    return spaces[space].get(key)


def _attribute(version: VersionFacts, name: str) -> Scalar | None:
    own: Mapping[str, Scalar] = {
        "number": version.number,
        "digest": version.digest,
        "created_at": version.created_at,
        "created_by": version.registrant.name,
    }
    if name in own:
        return own[name]
    value: Scalar | None = getattr(version.metadata, name)
    return value


def _signature_changed(facts: Facts) -> bool | None:
    """None where nothing is current, or neither version says what it takes and gives."""

    if facts.current is None:
        return None
    mine, theirs = facts.version.metadata.signature, facts.current.metadata.signature
    return None if mine is None and theirs is None else mine != theirs


def _signature_compatible(facts: Facts) -> bool | None:
    """None where nothing is current, or it can't be told."""

    if facts.current is None:
        return None
    found = compare_signatures(facts.version.metadata.signature, facts.current.metadata.signature)
    return None if found.verdict is Replaceability.UNKNOWN else found.verdict is Replaceability.COMPATIBLE


def _written(reference: Reference) -> str:
    name = reference.name if reference.key is None else f"{reference.name}.{reference.key}"
    return f"current.{name}" if reference.current else name
