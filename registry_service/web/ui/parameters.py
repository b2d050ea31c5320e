"""What pages with lists take in their addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from litestar.params import QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.web.requests import moment_of

SHOWN: Final = 25

Filter = Annotated[str | None, QueryParameter(description="Which ones.", max_length=4096)]
Order = Annotated[str | None, QueryParameter(description="In which order.", max_length=200)]
Cursor = Annotated[str | None, QueryParameter(description="Where the page before ended.", max_length=4096)]
Columns = Annotated[
    list[str] | None,
    QueryParameter(description="Which columns, each by itself or several between commas.", max_length=8_000),
]
Metric = Annotated[str | None, QueryParameter(description="Which metric is drawn.", max_length=600)]


def page_request(where: str | None, order_by: str | None, cursor: str | None) -> PageRequest:
    """The list that is asked for: a field of a form that was left empty asks for nothing."""
    return PageRequest(filter=where or None, order_by=order_by or None, cursor=cursor or None, limit=SHOWN)


def moment_in_utc(text: str | None, field: str) -> datetime | None:
    """As a browser's field has it, without a zone, it is in UTC, as are all times on the pages; left empty, it is none.

    :raises InvalidInput: it is no time.
    """

    if not text:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return moment_of(text, field)
    return given if given.tzinfo is not None else given.replace(tzinfo=UTC)
