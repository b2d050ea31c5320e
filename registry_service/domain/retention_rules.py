"""What retention rules say, as documents: which versions of which models are kept. What no rule keeps, and nothing
needs, may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from registry_service.domain.errors import InvalidInput, InvalidRule
from registry_service.domain.names import check_rule_name, check_text, fold
from registry_service.domain.permissions import Role, Scope, check_pattern
from registry_service.domain.policies import Document

MAX_KEPT: Final = 100_000
MAX_DESCRIPTION: Final = 10_000
LONGEST: Final = 100 * 366 * 24 * 3600
# Each turn goes through all versions of the models.
SHORTEST_TURN: Final = 3600
LONGEST_TURN: Final = 366 * 24 * 3600


class RetentionDocument(Document, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a retention rule, for the models whose names `pattern` matches. It keeps a version for which one
    of these holds: it is among the `keep_last` newest (revoked ones don't count, and those between are kept with
    them); it is younger than `keep_younger_than` seconds; the filter `keep_where` finds it. At least one is given.
    `every`: the service applies the rule by itself, with so many seconds in between; None: only who asks for it does.
    """

    name: str
    pattern: str
    description: str = ""
    keep_last: int | None = None
    keep_younger_than: int | None = None
    keep_where: str | None = None
    every: int | None = None


def holds_for(document: RetentionDocument, model_name: str) -> bool:
    """Whether the rule is about the model: by name, whatever the case, as policies are."""
    return Scope(Role.READER, fold(document.pattern)).covers(fold(model_name))


def rules_for(documents: Iterable[RetentionDocument], model_name: str) -> list[RetentionDocument]:
    """All rules that are about the model. They apply together."""
    return [document for document in documents if holds_for(document, model_name)]


def check_rule(document: RetentionDocument) -> None:
    """:raises InvalidRule: all that is wrong with it but its filter, which whoever knows lists reads; `details` has
    the path and message of each fault."""

    faults = list(_faults(document))
    if faults:
        raise InvalidRule(
            f"The retention rule can't be kept. {' '.join(f'{path}: {message}' for path, message in faults)}",
            faults=[{"path": path, "message": message} for path, message in faults],
        )


def _faults(document: RetentionDocument) -> Iterator[tuple[str, str]]:
    yield from _refused("name", check_rule_name, document.name)
    yield from _refused("pattern", check_pattern, document.pattern)
    yield from _refused("description", lambda text: check_text(text, "It", limit=MAX_DESCRIPTION), document.description)
    if document.keep_last is None and document.keep_younger_than is None and document.keep_where is None:
        yield "keep_last", "The rule keeps nothing. Give keep_last, keep_younger_than or keep_where."
    yield from _within("keep_last", document.keep_last, 1, MAX_KEPT)
    yield from _within("keep_younger_than", document.keep_younger_than, 1, LONGEST)
    yield from _within("every", document.every, SHORTEST_TURN, LONGEST_TURN)


def _refused(path: str, check: Callable[[str], str], text: str) -> Iterator[tuple[str, str]]:
    try:
        check(text)
    except InvalidInput as error:
        yield path, error.message


def _within(path: str, number: int | None, least: int, most: int) -> Iterator[tuple[str, str]]:
    if number is not None and not least <= number <= most:
        yield path, f"It is {number}; give {least} to {most}."
