"""Whether a version can replace another for its callers, by the signatures that both were registered with.

    inputs     the new version accepts every value that the old one accepted
    outputs    the new version gives no value that the old one could not have given

Both ask the same of two JSON Schemas (2020-12): does the wide one admit every value that the narrow one admits? It is
answered for `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `minimum`, `maximum`
and their exclusive kin. Anything else is not guessed at:

- a keyword of the wide schema that isn't known may refuse anything, unless the narrow one says the very same;
- a keyword of the narrow one can only take values away. What is admitted without it stays admitted; but whatever seems
  to be refused may be among those that it takes away, here and in all that is inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from registry_service.domain.canonical import canonical
from registry_service.domain.entities.signature import (
    Replaceability,
    SignatureComparison,
    SignatureFinding,
    SignatureSide,
)
from registry_service.domain.metadata import Signature
from registry_service.domain.schemas import Schema, admits, every_value, read_schema

MAX_FINDINGS: Final = 100
MAX_SHOWN: Final = 80

_SAID: Final = {
    SignatureSide.INPUTS: "was accepted before, and is not any more",
    SignatureSide.OUTPUTS: "was never given before, and may be now",
}


class _Gap(NamedTuple):
    """What the narrow schema admits and the wide one doesn't; `certain` False: or perhaps it does."""

    path: str
    what: str
    certain: bool = True


def compare_signatures(new: Signature | None, old: Signature | None) -> SignatureComparison:
    """Whether `new` can replace `old`."""

    found = list(_findings(new or Signature(), old or Signature()))
    verdicts = {finding.verdict for finding in found}
    worst = next(
        (verdict for verdict in (Replaceability.INCOMPATIBLE, Replaceability.UNKNOWN) if verdict in verdicts),
        Replaceability.COMPATIBLE,
    )
    deciding = [finding for finding in found if finding.verdict is worst]
    return SignatureComparison(verdict=worst, findings=deciding[:MAX_FINDINGS])


def _findings(new: Signature, old: Signature) -> Iterator[SignatureFinding]:
    sides = (
        (SignatureSide.INPUTS, new.inputs, old.inputs, old.inputs, new.inputs),
        (SignatureSide.OUTPUTS, new.outputs, old.outputs, new.outputs, old.outputs),
    )
    for side, mine, theirs, narrow, wide in sides:
        if mine is None or theirs is None:
            who = "neither version says" if mine is theirs else f"the {'new' if mine is None else 'old'} one says not"
            yield SignatureFinding(
                side=side, path="", verdict=Replaceability.UNKNOWN, message=f"{who} what its {side} are"
            )
        elif canonical(mine) != canonical(theirs):
            for gap in _gaps(read_schema(narrow), read_schema(wide), ""):
                yield SignatureFinding(
                    side=side,
                    path=gap.path,
                    verdict=Replaceability.INCOMPATIBLE if gap.certain else Replaceability.UNKNOWN,
                    message=f"{gap.what} {_SAID[side]}" if gap.certain else gap.what,
                )


def _gaps(narrow: Schema, wide: Schema, path: str) -> Iterator[_Gap]:
    if narrow.is_empty or wide.admits_all:
        return
    blind = [name for name, value in wide.others.items() if not _says_the_same(narrow, name, value)]
    if blind:
        yield _Gap(path, f"can't tell what {', '.join(sorted(blind))} refuses", certain=False)
    certain = not narrow.others
    for gap in _gaps_in_what_is_known(narrow, wide, path):
        yield gap if certain or not gap.certain else _unsure(gap, narrow)


def _unsure(gap: _Gap, narrow: Schema) -> _Gap:
    taken = ", ".join(sorted(narrow.others))
    return _Gap(gap.path, f"can't tell whether {gap.what} was ruled out by {taken} anyway", certain=False)


def _says_the_same(narrow: Schema, name: str, value: object) -> bool:
    # References mean what stands elsewhere in each document; those beside others mean something with these only.
    alone = name in {"pattern", "format", "minLength", "maxLength", "multipleOf", "minItems", "maxItems", "uniqueItems"}
    return alone and name in narrow.others and canonical(narrow.others[name]) == canonical(value)


def _gaps_in_what_is_known(narrow: Schema, wide: Schema, path: str) -> Iterator[_Gap]:
    values = every_value(narrow, at_most=MAX_FINDINGS if wide.enum is None else len(wide.enum) + MAX_FINDINGS)
    if values is not None:
        yield from _refused(values, wide, path)
        return
    if wide.enum is not None:
        if narrow.types & {"string", "integer", "fraction"}:
            yield _Gap(path, f"a value other than the {len(wide.enum)} listed")
        else:
            yield _Gap(path, "can't tell whether every value is listed", certain=False)
        return
    extra = narrow.types - wide.types
    if extra:
        yield _Gap(path, _names(extra, narrow))
    both = narrow.types & wide.types
    if both & {"integer", "fraction"}:
        yield from _numbers(narrow, wide, path, whole="fraction" not in both)
    if "object" in both:
        yield from _objects(narrow, wide, path)
    if "array" in both:
        yield from _gaps(narrow.items, wide.items, f"{path}/[]")


def _refused(values: list[tuple[Any, bool]], wide: Schema, path: str) -> Iterator[_Gap]:
    for value, certain in values:
        admitted = admits(wide, value)
        shown = canonical(value).decode()
        shown = shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"
        if admitted is False:
            yield _Gap(path, shown) if certain else _Gap(path, f"can't tell whether {shown} was meant", certain=False)
        elif admitted is None:
            yield _Gap(path, f"can't tell whether {shown} is admitted", certain=False)


def _names(types: frozenset[str], narrow: Schema) -> str:
    if types == {"fraction"} and "integer" in narrow.types:
        return "a number that is no integer"
    return " or ".join(sorted({"number" if kind == "fraction" else kind for kind in types} - _covered(types)))


def _covered(types: frozenset[str]) -> set[str]:
    return {"integer"} if "fraction" in types else set()


def _numbers(narrow: Schema, wide: Schema, path: str, *, whole: bool) -> Iterator[_Gap]:
    mine, theirs = narrow.numbers(whole=whole), wide.numbers(whole=whole)
    if mine.lowest < theirs.lowest:
        yield _Gap(path, f"a number below {theirs.lowest.written}")
    if mine.highest > theirs.highest:
        yield _Gap(path, f"a number above {theirs.highest.written}")


def _below(path: str, name: str) -> str:
    """As a JSON Pointer names it (RFC 6901)."""
    escaped = name.replace("~", "~0").replace("/", "~1")
    return f"{path}/{escaped}"


def _objects(narrow: Schema, wide: Schema, path: str) -> Iterator[_Gap]:
    for name in sorted(wide.required - narrow.required):
        yield _Gap(_below(path, name), "an object without it")
    for name in sorted(narrow.properties.keys() | wide.properties.keys()):
        yield from _gaps(narrow.at(name), wide.at(name), _below(path, name))
    yield from _gaps(narrow.additional, wide.additional, f"{path}/*")
