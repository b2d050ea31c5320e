"""Model cards."""

from __future__ import annotations

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import cards as queries
from registry_service.domain.entities import CardRevision, ModelCard, Page, VersionCard
from registry_service.domain.permissions import Action
from registry_service.domain.requests import WriteCard
from registry_service.services import cards as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


class Cards(Controller):
    path = "/models/{model:str}"
    tags = ("cards",)

    @get("/card", action=Action.MODEL_READ)
    async def get_card(self, caller: NamedDependency[Caller], model: FromPath[str]) -> Encoded[ModelCard]:
        """What the model's card says now: its source in Markdown, and the front matter as fields."""
        return await caller.look(queries.get_card, model)

    @put("/card", action=Action.MODEL_UPDATE)
    async def write_card(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        data: JSONBody[WriteCard],
        if_match: NamedDependency[int | None],
    ) -> Encoded[ModelCard]:
        """Give the model's card this text; earlier texts stay, by their digests."""
        return await caller.change(use_cases.write_card, model, data, if_match=if_match)

    @get("/card/history", action=Action.MODEL_READ)
    async def list_card_history(
        self, caller: NamedDependency[Caller], model: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[CardRevision]]:
        """The texts that the card has had, without the texts, the newest first."""
        return await caller.list(queries.list_card_history, model, page)

    @get("/card/history/{digest:str}", action=Action.MODEL_READ)
    async def get_card_revision(
        self, caller: NamedDependency[Caller], model: FromPath[str], digest: FromPath[str]
    ) -> Encoded[ModelCard]:
        """The text of this digest."""
        return await caller.read(queries.get_card_revision, model, digest)

    @get("/versions/{selector:str}/card", action=Action.VERSION_READ)
    async def get_version_card(
        self, caller: NamedDependency[Caller], model: FromPath[str], selector: FromPath[str]
    ) -> Encoded[VersionCard]:
        """The card that stood when the version was registered and when it was last approved, and what the model's card
        says differently now."""
        return await caller.read(queries.get_version_card, model, selector)
