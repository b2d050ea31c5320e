"""Stages: protected pointers with a history."""

from __future__ import annotations

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import stages as queries
from registry_service.domain.entities import Page, Promotion, Stage, StageRecord
from registry_service.domain.permissions import Action
from registry_service.domain.requests import ArrangeStages, ClearFailure, HoldStage, RollBack, VacateStage
from registry_service.services import rollback
from registry_service.services import stages as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller
from registry_service.web.requests import AsOf, moment_of


class Stages(Controller):
    path = "/models/{model:str}/stages"
    tags = ("stages",)

    @get(action=Action.MODEL_READ)
    async def list_stages(
        self, caller: NamedDependency[Caller], model: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Stage]]:
        """Stages of a model, in their order."""
        return await caller.list(queries.list_stages, model, page)

    @put(action=Action.STAGE_ARRANGE)
    async def arrange_stages(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        data: JSONBody[ArrangeStages],
        if_match: NamedDependency[int | None],
    ) -> Encoded[Page[Stage]]:
        """Name all stages in their new order; If-Match says which revision of the model the caller saw."""
        return await caller.change(use_cases.arrange_stages, model, data, if_match=if_match)

    @get("/{stage:str}", action=Action.MODEL_READ)
    async def get_stage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
        as_of: FromQuery[AsOf] = None,
    ) -> Encoded[Stage]:
        """What is current in a stage, with hold, failures and policies: now, or as it was at a time."""
        return await caller.look(queries.get_stage, model, stage, as_of=moment_of(as_of))

    @get("/{stage:str}/history", action=Action.MODEL_READ)
    async def stage_history(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
        page: NamedDependency[PageRequest],
    ) -> Encoded[Page[StageRecord]]:
        """All that was ever current in a stage, the newest first."""
        return await caller.list(queries.stage_history_of, model, stage, page)

    @post("/{stage:str}/hold", action=Action.STAGE_HOLD, status_code=200)
    async def hold_stage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
        data: JSONBody[HoldStage],
    ) -> Encoded[Stage]:
        """Let no promotion enter the stage. A hold of somebody else's is replaced by those who may release it."""
        return await caller.change(use_cases.hold_stage, model, stage, data)

    @post("/{stage:str}/release", action=Action.STAGE_HOLD, status_code=200)
    async def release_stage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
    ) -> Encoded[Stage]:
        """End a hold: one's own; another's with `stage:release`, unless its maker may do more on this model."""
        return await caller.change(use_cases.release_stage, model, stage)

    @post("/{stage:str}/vacate", action=Action.STAGE_VACATE, status_code=200)
    async def vacate_stage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
        data: JSONBody[VacateStage],
    ) -> Encoded[Stage]:
        """Leave nothing current in the stage."""
        return await caller.change(use_cases.vacate_stage, model, stage, data)

    @post("/{stage:str}/rollback", action=Action.PROMOTION_ROLLBACK, status_code=200)
    async def roll_back(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
        data: JSONBody[RollBack],
    ) -> Encoded[Promotion]:
        """Go back to the last good version; bound to what it undoes, so that twice goes back once."""
        return await caller.change(rollback.roll_back, model, stage, data)

    @post("/{stage:str}/clear-failure", action=Action.STAGE_CLEAR_FAILURE, status_code=200)
    async def clear_failure(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        stage: FromPath[str],
        data: JSONBody[ClearFailure],
    ) -> Encoded[Stage]:
        """Let a version that a rollback abandoned be promoted here again."""
        return await caller.change(use_cases.clear_failure, model, stage, data)
