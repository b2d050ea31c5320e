"""In which order a list is wanted: one name of its vocabulary, with ` desc` behind it to descend."""

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
