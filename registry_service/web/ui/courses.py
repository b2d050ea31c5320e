"""How a metric went from version to version of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from registry_service.db.paging import PageRequest
from registry_service.db.queries.versions import list_versions
from registry_service.db.view import View
from registry_service.domain.entities import ModelVersion
from registry_service.domain.metadata import Direction
from registry_service.web.ui.charts import Axis, Subject, draw_course
from registry_service.web.ui.rendering import address

DRAWN: Final = 60
"""The newest versions: more points than these can't be told apart."""


class Course(NamedTuple):
    """`metrics`: what could be shown instead. `points`: the numbers of versions with what they reached, the oldest
    first. `direction` None: the versions don't agree on it."""

    metric: str
    metrics: list[str]
    direction: Direction | None
    points: list[tuple[int, float]]
    drawn: Markup


def course_of(view: View, model: str, metric: str | None) -> Course | None:
    """The metric that is asked for, else the first of the newest version that has some; None where fewer than two have
    it."""

    newest = list_versions(view, model, PageRequest(limit=DRAWN)).items
    metrics = sorted({name for version in newest for name in version.metadata.metrics})
    wanted = (
        metric
        if metric in metrics
        else next((min(one.metadata.metrics) for one in newest if one.metadata.metrics), None)
    )
    if wanted is None:
        return None
    having = [version for version in reversed(newest) if wanted in version.metadata.metrics]
    axis = Axis(wanted, [one.metadata.metrics[wanted] for one in having], _direction(having, wanted))
    subjects = [Subject(str(one.number), address("models", model, "versions", one.number)) for one in having]
    drawn = draw_course(subjects, axis, marked=[", ".join(one.stages) or None for one in having])
    if drawn is None:
        return None
    points = [(one.number, one.metadata.metrics[wanted]) for one in having]
    return Course(wanted, metrics, axis.direction, points, drawn)


def _direction(versions: Sequence[ModelVersion], metric: str) -> Direction | None:
    said = {version.metadata.direction(metric) for version in versions}
    return said.pop() if len(said) == 1 else None
