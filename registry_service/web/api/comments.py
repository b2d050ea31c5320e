"""What people write to each other about models, versions and promotions."""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import comments as queries
from registry_service.domain.entities import Comment, Page
from registry_service.domain.permissions import Action
from registry_service.domain.requests import WriteComment
from registry_service.services import comments as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


class Comments(Controller):
    path = "/"
    tags = ("comments",)

    @get("/models/{model:str}/comments", action=Action.COMMENT_READ)
    async def list_model_comments(
        self, caller: NamedDependency[Caller], model: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Comment]]:
        """Comments on the model itself, the oldest first."""
        return await caller.list(queries.list_model_comments, model, page)

    @post("/models/{model:str}/comments", action=Action.COMMENT_WRITE)
    async def comment_on_model(
        self, caller: NamedDependency[Caller], model: FromPath[str], data: JSONBody[WriteComment]
    ) -> Encoded[Comment]:
        """Comment on a model, in Markdown; `@name` mentions a person or group."""
        return await caller.make(use_cases.comment_on_model, model, data)

    @get("/models/{model:str}/versions/{selector:str}/comments", action=Action.COMMENT_READ)
    async def list_version_comments(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        page: NamedDependency[PageRequest],
    ) -> Encoded[Page[Comment]]:
        """Comments on a version, the oldest first."""
        return await caller.list(queries.list_version_comments, model, selector, page)

    @post("/models/{model:str}/versions/{selector:str}/comments", action=Action.COMMENT_WRITE)
    async def comment_on_version(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[WriteComment],
    ) -> Encoded[Comment]:
        """Comment on a version, in Markdown; `@name` mentions a person or group."""
        return await caller.make(use_cases.comment_on_version, model, selector, data)

    @get("/promotions/{promotion:str}/comments", action=Action.COMMENT_READ)
    async def list_promotion_comments(
        self, caller: NamedDependency[Caller], promotion: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Comment]]:
        """Comments on a promotion, the oldest first."""
        return await caller.list(queries.list_promotion_comments, promotion, page)

    @post("/promotions/{promotion:str}/comments", action=Action.COMMENT_WRITE)
    async def comment_on_promotion(
        self, caller: NamedDependency[Caller], promotion: FromPath[str], data: JSONBody[WriteComment]
    ) -> Encoded[Comment]:
        """Comment on a promotion, in Markdown; `@name` mentions a person or group. It is no review."""
        return await caller.make(use_cases.comment_on_promotion, promotion, data)

    @get("/comments/{comment:str}", action=Action.COMMENT_READ)
    async def get_comment(self, caller: NamedDependency[Caller], comment: FromPath[str]) -> Encoded[Comment]:
        """One comment."""
        return await caller.look(queries.get_comment, comment)

    @patch("/comments/{comment:str}", action=Action.COMMENT_WRITE)
    async def edit_comment(
        self,
        caller: NamedDependency[Caller],
        comment: FromPath[str],
        data: JSONBody[WriteComment],
        if_match: NamedDependency[int | None],
    ) -> Encoded[Comment]:
        """Write one's own comment anew."""
        return await caller.change(use_cases.edit_comment, comment, data, if_match=if_match)

    @delete("/comments/{comment:str}", action=Action.COMMENT_WRITE, status_code=200)
    async def remove_comment(self, caller: NamedDependency[Caller], comment: FromPath[str]) -> Encoded[Comment]:
        """Take one's own comment back; its place stays, without the text."""
        return await caller.change(use_cases.remove_comment, comment)
