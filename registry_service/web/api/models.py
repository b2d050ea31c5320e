"""Registered models."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import models as queries
from registry_service.domain.entities import Page, RegisteredModel
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CreateModel, RenameModel, UpdateModel
from registry_service.services import model_names
from registry_service.services import models as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Reason = Annotated[str, QueryParameter(description="Why, for the log.", max_length=4096)]
IncludeDeleted = Annotated[bool, QueryParameter(description="Tombstones too; for admins.")]


class Models(Controller):
    path = "/models"
    tags = ("models",)

    @get(action=Action.MODEL_READ)
    async def list_models(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        include_deleted: FromQuery[IncludeDeleted] = False,
    ) -> Encoded[Page[RegisteredModel]]:
        """Models that the caller may read."""
        return await caller.list(queries.list_models, page, include_deleted=include_deleted)

    @post(action=Action.MODEL_CREATE)
    async def create_model(
        self, caller: NamedDependency[Caller], data: JSONBody[CreateModel]
    ) -> Encoded[RegisteredModel]:
        """Register a name, with stages `staging` and `production` unless others are named."""
        return await caller.make(use_cases.create_model, data)

    @get("/{model:str}", action=Action.MODEL_READ)
    async def get_model(self, caller: NamedDependency[Caller], model: FromPath[str]) -> Encoded[RegisteredModel]:
        """One model."""
        return await caller.look(queries.get_model, model)

    @patch("/{model:str}", action=Action.MODEL_UPDATE)
    async def update_model(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        data: JSONBody[UpdateModel],
        if_match: NamedDependency[int | None],
    ) -> Encoded[RegisteredModel]:
        """Change what is given; tags given replace all tags."""
        return await caller.change(use_cases.update_model, model, data, if_match=if_match)

    @post("/{model:str}/rename", action=Action.MODEL_RENAME, status_code=200)
    async def rename_model(
        self, caller: NamedDependency[Caller], model: FromPath[str], data: JSONBody[RenameModel]
    ) -> Encoded[RegisteredModel]:
        """Give a model another name. The old one answers 404 with the new one (`model_renamed`) to whoever may read
        both, until an admin releases it; refused where a policy would no longer hold, unless that is confirmed."""
        return await caller.change(model_names.rename_model, model, data)

    @delete("/{model:str}", action=Action.MODEL_DELETE, status_code=200)
    async def delete_model(
        self, caller: NamedDependency[Caller], model: FromPath[str], reason: FromQuery[Reason] = ""
    ) -> Encoded[RegisteredModel]:
        """Leave a tombstone that keeps the name; refused while a stage, a deployment or a legal hold
        needs a version of it (`in_use`, with `details.used_by`)."""
        return await caller.change(use_cases.delete_model, model, reason=reason)

    @post("/{model:str}/restore", action=Action.MODEL_RESTORE, status_code=200)
    async def restore_model(self, caller: NamedDependency[Caller], model: FromPath[str]) -> Encoded[RegisteredModel]:
        """Bring a deleted model back."""
        return await caller.change(use_cases.restore_model, model)

    @post("/{model:str}/release", action=Action.MODEL_RESTORE, status_code=200)
    async def release_name(self, caller: NamedDependency[Caller], model: FromPath[str]) -> Encoded[RegisteredModel]:
        """Give the name of a deleted model, or one that a model gave up, free for another model."""
        return await caller.change(model_names.release_name, model)
