"""Values as long as they may be find room in both databases: PostgreSQL's index rows end at 2.7 kB."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from registry_service.db.database import Database
from registry_service.db.tables import (
    model_tags,
    models,
    principals,
    version_lineage,
    version_params,
    version_tags,
    versions,
)
from registry_service.domain.lineage import MAX_REF
from registry_service.domain.metadata import MAX_PARAM_BYTES
from registry_service.domain.names import MAX_NAME, MAX_TAG_VALUE_BYTES
from registry_service.services.texts import MAX_LINE

NOW = datetime(2026, 3, 3, tzinfo=UTC)


def text(length: int) -> str:
    """Without repetitions, which PostgreSQL would compress away."""
    return "".join(random.Random(length).choices(string.ascii_letters + string.digits, k=length))


def wide_text(size: int) -> str:
    """Of this many bytes, three to a character where they fit."""
    found = random.Random(size)
    return "".join(chr(found.randrange(0x4E00, 0x9F00)) for _ in range(size // 3)) + "x" * (size % 3)


def keep_the_longest(connection: Connection) -> list[int]:
    def put(table: Any, **values: object) -> None:
        connection.execute(insert(table).values(**values))

    put(principals, name="ann", kind="person", display_name="", created_at=NOW)
    made = {"description": "", "created_at": NOW, "created_by": "ann"}
    put(
        models,
        **made,
        id="m",
        name="m",
        name_fold="m",
        metadata_fields=[],
        updated_at=NOW,
        revision=1,
    )
    content = {"digest": "d", "metadata": {}, "people": [], "file_count": 0, "size": 0}
    for number, make in ((1, text), (2, wide_text)):
        put(versions, **made, **content, model_id="m", number=number, identity=make(MAX_LINE))
        put(version_lineage, model_id="m", number=number, kind="dataset", ref=make(MAX_REF), details={})
    key, tag = text(MAX_NAME), text(MAX_TAG_VALUE_BYTES)
    put(model_tags, model_id="m", key=key, value=tag)
    put(version_tags, model_id="m", number=1, key=key, value=tag)
    put(version_params, model_id="m", number=1, key=key, value=text(MAX_PARAM_BYTES))
    return [
        connection.execute(select(func.length(table.c.value))).scalar_one()
        for table in (model_tags, version_tags, version_params)
    ]


async def test_the_longest_values_are_kept(database: Database) -> None:
    kept = await database.write(keep_the_longest)
    assert kept == [MAX_TAG_VALUE_BYTES, MAX_TAG_VALUE_BYTES, MAX_PARAM_BYTES]
