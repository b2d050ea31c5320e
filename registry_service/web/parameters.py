"""What several operations take in their addresses."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar.params import QueryParameter

_Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]

Kinds = Annotated[
    str | None, QueryParameter(description="Kinds, separated by commas: `model.created,promotion.*`.", max_length=2000)
]
Since = Annotated[
    _Time | None,
    QueryParameter(description="From this time on: RFC 3339 with a zone, or seconds since 1970.", max_length=64),
]
Until = Annotated[_Time | None, QueryParameter(description="Before this time, given in the same way.", max_length=64)]
