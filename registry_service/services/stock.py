"""Keeping what models were counted to take up."""

from __future__ import annotations

import msgspec
from sqlalchemy import insert, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.forgotten import Counted
from registry_service.db.tables import model_stock
from registry_service.services.work import Work


def keep_stock(work: Work, counted: Counted) -> None:
    """Keep what was counted of a model, in the place of what was counted before."""

    lock_key(work.connection, f"stock {counted.model_id}")
    values = msgspec.structs.asdict(counted) | {"counted_at": work.now}
    there = select(model_stock.c.model_id).where(model_stock.c.model_id == counted.model_id)
    if work.connection.execute(there).one_or_none() is None:
        work.connection.execute(insert(model_stock).values(**values))
    else:
        work.connection.execute(update(model_stock).where(model_stock.c.model_id == counted.model_id).values(**values))
