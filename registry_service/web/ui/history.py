"""What stages of one model had, for pages that show several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from registry_service.db.paging import PageRequest
from registry_service.db.queries.stages import stage_history_of
from registry_service.db.view import View
from registry_service.domain.entities import StageRecord


def histories(view: View, model: str, stages: Iterable[str], *, limit: int) -> dict[str, list[StageRecord]]:
    """The newest records of each stage, the newest first."""
    return {stage: stage_history_of(view, model, stage, PageRequest(limit=limit)).items for stage in stages}


def in_one(of_stages: Mapping[str, list[StageRecord]]) -> list[StageRecord]:
    """All of them in one list, the newest first: a model's revision counts through all of its stages."""
    records = [one for of_stage in of_stages.values() for one in of_stage]
    return sorted(records, key=lambda one: one.revision, reverse=True)
