"""Finding a model, and all about one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries.cards import get_card
from registry_service.db.queries.comments import list_model_comments
from registry_service.db.queries.forgotten import model_stock_of
from registry_service.db.queries.models import find_model, get_model, list_models
from registry_service.db.queries.policies import documents_of
from registry_service.db.queries.promotions import describe_promotions, open_promotions
from registry_service.db.queries.stages import find_stage, list_stages, pointer_of
from registry_service.db.queries.versions import list_versions
from registry_service.db.queries.words import search
from registry_service.db.view import View
from registry_service.domain.cards import parts_of
from registry_service.domain.entities import (
    Comment,
    FoundText,
    ModelCard,
    ModelStock,
    ModelVersion,
    Page,
    Promotion,
    RegisteredModel,
    Stage,
    StageRecord,
)
from registry_service.domain.errors import (
    CardNotFound,
    InvalidInput,
    NoRollbackTarget,
    NothingToRollBack,
)
from registry_service.domain.permissions import Action, may
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.services.rollback import plan_rollback
from registry_service.web.ui.choices import Choices, model_choices, words_of_models, words_of_versions
from registry_service.web.ui.columns import Columns, columns_of
from registry_service.web.ui.courses import Course, course_of
from registry_service.web.ui.history import histories, in_one
from registry_service.web.ui.parameters import SHOWN, Cursor, Filter, Order, page_request
from registry_service.web.ui.visit import Visit

_HISTORY: Final = 20

Words = Annotated[str | None, QueryParameter(description="Words that names and descriptions have.", max_length=400)]


class Listed(NamedTuple):
    """`refusal`: what is wrong with what was asked for, in words; then nothing was looked for. `choices`: what the list
    may be narrowed to. `words`: what a filter may name."""

    models: Page[RegisteredModel]
    found: list[FoundText] | None
    refusal: str | None
    choices: list[Choices]
    words: list[str]


def look_at_models(view: View, page: PageRequest, words: str | None) -> Listed:
    try:
        found = search(view, words, limit=SHOWN).items if words and words.strip() else None
        listed = list_models(view, page)
        choices = model_choices(view, page.filter, listed.items) if found is None else []
        return Listed(listed, found, None, choices, words_of_models())
    except InvalidInput as error:
        return Listed(Page(items=[]), None, error.message, [], words_of_models())


@get("/models", action=Action.MODEL_READ, include_in_schema=False)
async def models_page(
    visit: NamedDependency[Visit],
    filter: FromQuery[Filter] = None,  # noqa: A002 - the parameter's name in the address
    order_by: FromQuery[Order] = None,
    cursor: FromQuery[Cursor] = None,
    q: FromQuery[Words] = None,
) -> Response[str]:
    return await visit.page("models.html", look_at_models, page_request(filter, order_by, cursor), q)


class OneModel(NamedTuple):
    """`policies`: of each stage, the documents that hold there. `returns`: where a rollback of a stage would lead.
    `history`: the newest of all stages, together. `card_text`: the card without its front matter. `course`: what can be
    drawn of a metric over the versions, and is. `words`: what a filter of the versions may name."""

    model: RegisteredModel
    card: ModelCard | None
    card_text: str
    stages: list[Stage]
    policies: dict[str, list[tuple[PolicyPin, PolicyDocument]]]
    returns: dict[str, int]
    history: list[StageRecord]
    open: list[Promotion]
    versions: Page[ModelVersion]
    comments: Page[Comment]
    course: Course | None
    words: list[str]
    columns: Columns
    stock: ModelStock | None
    refusal: str | None


def look_at_model(
    view: View, model: str, page: PageRequest, metric: str | None = None, columns: Sequence[str] = ()
) -> OneModel:
    """:raises ModelNotFound, ModelRenamed: there is no model of this name in sight."""

    found = get_model(view, model)
    stages = list_stages(view, model, PageRequest(limit=200)).items
    try:
        versions, refusal = list_versions(view, model, page), None
        shown = columns_of(versions.items, columns)
    except InvalidInput as error:
        versions, refusal = Page[ModelVersion](items=[]), error.message
        shown = columns_of([], [])
    try:
        card = get_card(view, model)
    except CardNotFound:
        card = None
    return OneModel(
        model=found,
        card=card,
        card_text="" if card is None else parts_of(card.text).body,
        stages=stages,
        policies={stage.name: documents_of(view, stage.policies) for stage in stages},
        returns=dict(_returns(view, model, stages)),
        history=in_one(histories(view, model, found.stages, limit=_HISTORY))[:_HISTORY],
        open=_open(view, found),
        versions=versions,
        comments=list_model_comments(view, model, PageRequest(limit=100)),
        course=course_of(view, model, metric),
        words=words_of_versions(versions.items),
        columns=shown,
        stock=model_stock_of(view, model),
        refusal=refusal,
    )


def _returns(view: View, model: str, stages: list[Stage]) -> Iterator[tuple[str, int]]:
    row = find_model(view, model)
    for stage in stages:
        if stage.version is None:
            continue
        pointer = pointer_of(view, find_stage(view, row, stage.name))
        with suppress(NoRollbackTarget, NothingToRollBack):
            yield stage.name, plan_rollback(view, row, pointer, from_version=stage.version).to_version


def _open(view: View, model: RegisteredModel) -> list[Promotion]:
    """What is asked for and neither done nor ended, the newest first."""

    if not may(view.actor, Action.PROMOTION_READ, model.name):
        return []
    return describe_promotions(view, open_promotions(view, model.id)[::-1])
