"""An older client reads a newer service: fields that it doesn't know don't keep it from those that it does."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import msgspec
import pytest

from registry_service.client import (
    Metadata,
    MetadataField,
    PolicyDocument,
    Prerequisite,
    RequiredCheck,
    RequiredCondition,
    ReviewRule,
    RollbackRule,
    Signature,
)
from registry_service.client.calls import Call
from registry_service.domain import decisions, entities
from tests.client.conftest import Connect
from tests.client.test_calls import BUILDERS, built
from tests.samples import UNKNOWN, objects, sample, with_unknown

CALLS = {name: call for name, call in ((name, built(BUILDERS[name])) for name in BUILDERS) if call.answer is not bytes}
# A stream is no JSON; each event in it is read as those of a page are.
ANSWERING = {name: call for name, call in CALLS.items() if call.answer is not type(None) and name != "stream_events"}


@pytest.mark.parametrize("name", sorted(ANSWERING))
def test_an_answer_with_unknown_fields_everywhere_is_understood(connect: Connect, name: str) -> None:
    call: Call[Any] = ANSWERING[name]
    known = sample(call.answer)
    newer = msgspec.json.encode(with_unknown(known, *(path for path, _ in objects(call.answer))))
    assert newer.count(UNKNOWN.encode()) == len(objects(call.answer)) > 0
    client = connect(lambda request: httpx.Response(200, content=newer))
    assert client.send(call) == msgspec.convert(known, call.answer)


def test_that_was_said_of_all_that_the_service_answers_with() -> None:
    seen = {struct for call in ANSWERING.values() for _, struct in objects(call.answer)}
    names = {struct.__name__ for struct in seen}
    answers = {
        name
        for module in (entities, decisions)
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, msgspec.Struct)
    }
    # No call answers with these: the first is a base, the second is for probes.
    assert answers - names == {"Answer", "Health"}
    parts = {Prerequisite, RequiredCheck, RequiredCondition, ReviewRule, RollbackRule}
    assert seen >= {Metadata, MetadataField, Signature, PolicyDocument, *parts}
