"""Answers as examples in the API's description: values of the very types that routes answer with, about the one model
that the examples of bodies speak of. What the registry computes (digests, problem documents) is computed here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from registry_service.domain import entities
from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode
from registry_service.domain.errors import DatabaseUnavailable, NotAuthenticated, StageHeld
from registry_service.web.errors import Problem, refused
from registry_service.web.example_answers.care import CARE
from registry_service.web.example_answers.people import PEOPLE
from registry_service.web.example_answers.promotions import PROMOTIONS
from registry_service.web.example_answers.things import APPROVED, HELD, NUMBER, PROMOTION
from registry_service.web.example_answers.versions import VERSIONS

ANSWERS: Final[Mapping[Any, Any]] = MappingProxyType(
    {type(example): example for example in (*VERSIONS, *PROMOTIONS, *PEOPLE, *CARE)}
)

_REFUSAL: Final = StageHeld(
    f"Version {NUMBER} may not enter 'production' now. ada holds 'production': {HELD.reason} Ask for its release.",
    promotion=PROMOTION,
    decision=msgspec.to_builtins(
        Decision(
            outcome=Outcome.BLOCKED,
            reasons=(
                Reason(
                    code=ReasonCode.STAGE_HELD,
                    message=f"ada holds 'production': {HELD.reason} Ask for its release.",
                    people=("ada",),
                ),
            ),
            satisfied=(APPROVED,),
        )
    ),
)
# By the statuses that the description tells apart; each the document that such a refusal is answered with.
PROBLEMS: Final = MappingProxyType(
    {
        statuses: msgspec.json.decode(refused(refusal, "0b6cf5d1a2e94873").body, type=Problem)
        for statuses, refusal in (
            ("401", NotAuthenticated("Say who you are with the header 'Authorization: Bearer <token>'.")),
            ("4XX", _REFUSAL),
            ("5XX", DatabaseUnavailable("The database doesn't answer. Nothing was changed; try again.")),
        )
    }
)


def answer_of(of: Any) -> Any:  # noqa: ANN401 - of a type, a value of it
    """The example of what a route answers with: of a list, a page with one item.

    :raises KeyError: there is none for this type.
    """

    if getattr(of, "__origin__", None) is entities.Page:
        return entities.Page(items=[ANSWERS[of.__args__[0]]])
    return ANSWERS[of]
