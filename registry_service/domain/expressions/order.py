"""In which order a list is wanted: one name of its vocabulary, with ` desc` behind it to descend. And which of its
names are wanted."""

from __future__ import annotations

from typing import Final, NamedTuple

from registry_service.domain.errors import InvalidFilter, InvalidInput
from registry_service.domain.expressions.lexer import Kind, tokens
from registry_service.domain.expressions.tree import Reference
from registry_service.domain.expressions.vocabulary import UnknownName, Vocabulary

_DIRECTIONS: Final = {(): False, ("asc",): False, ("desc",): True}


class Order(NamedTuple):
    reference: Reference
    descending: bool


def parse_order(text: str, vocabulary: Vocabulary) -> Order:
    """:raises InvalidInput: the text names nothing of the vocabulary, or no direction behind it."""

    try:
        name, *rest = tokens(text)[:-1] or tokens("''")
        direction = tuple(token.text.lower() for token in rest)
        if name.kind is not Kind.NAME or direction not in _DIRECTIONS:
            raise InvalidInput(
                f"Can't order by '{text[:80]}'. Give one name, such as created_at, with ' desc' behind it to descend.",
                field="order_by",
            )
        return Order(vocabulary.resolve(name.path, quoted=name.quoted), _DIRECTIONS[direction])
    except InvalidFilter as error:
        raise InvalidInput(f"Can't order by '{text[:80]}'. {error.message}", field="order_by") from error
    except UnknownName as error:
        raise InvalidInput(f"Can't order by '{text[:80]}': {error}.", field="order_by") from error


def parse_names(text: str, vocabulary: Vocabulary) -> list[tuple[str, Reference]]:
    """Names of the vocabulary between commas, each as it is written and as what it stands for.

    :raises InvalidInput: one is none.
    """

    try:
        found = tokens(text)
        names, commas = found[:-1:2], found[1:-1:2]
        if not names or len(found) % 2 or any(token.kind is not Kind.NAME for token in names):
            raise InvalidInput(f"'{text[:80]}' holds no names. Give some, such as framework,tags.team.", field="fields")
        if any(token.text != "," or token.kind is not Kind.SYMBOL for token in commas):
            raise InvalidInput(f"'{text[:80]}' holds no names between commas, such as a,b.", field="fields")
        ends = [token.column - 1 for token in found[1::2]]
        return [
            (text[name.column - 1 : end].strip(), vocabulary.resolve(name.path, quoted=name.quoted))
            for name, end in zip(names, ends, strict=True)
        ]
    except InvalidFilter as error:
        raise InvalidInput(f"'{text[:80]}' holds no names. {error.message}", field="fields") from error
    except UnknownName as error:
        raise InvalidInput(f"No such field: {error}.", field="fields") from error
