"""Where versions come from and where they went, as a graph."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.version import LineageEdge
from registry_service.domain.notebook import html_rows


class LineageDirection(StrEnum):
    """UP: what made it. DOWN: what was made of it, and where that runs."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class NodeKind(StrEnum):
    VERSION = "version"
    HIDDEN = "hidden"
    DAG_RUN = "dag_run"
    TASK = "task"
    CODE_COMMIT = "code_commit"
    DATASET = "dataset"
    OTHER = "other"
    DEPLOYMENT = "deployment"


class LineageNode(Answer, frozen=True, kw_only=True):
    """`id` names it within this graph. `ref` is `<model>/<number>` of a version, the target of a deployment. A hidden
    one is a version that the reader may not read, or that is no longer there: nothing is said of it. `distance` counts
    steps from where the graph begins."""

    id: str
    kind: NodeKind
    distance: int
    ref: str | None = None
    model_name: str | None = None
    version: int | None = None
    digest: str | None = None
    status: str | None = None
    url: str | None = None

    @property
    def label(self) -> str:
        """How people name it."""
        return self.kind if self.ref is None else f"{self.kind} {self.ref}"


class LineageLink(Answer, frozen=True, kw_only=True):
    """`target` was made of `source`, or runs it."""

    source: str
    target: str


class LineageGraph(Answer, frozen=True, kw_only=True):
    """`root` is the version that was asked about. `truncated`: there is more than the limit of nodes allows to show."""

    root: str
    nodes: list[LineageNode]
    links: list[LineageLink]
    truncated: bool

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each node, the nearest first."""
        labels = {node.id: node.label for node in self.nodes}
        sources: dict[str, list[str]] = {}
        for link in self.links:
            sources.setdefault(link.target, []).append(labels.get(link.source, ""))
        rows = [
            {
                "steps": node.distance,
                "kind": node.kind,
                "ref": node.ref,
                "status": node.status,
                "made of": sources.get(node.id),
                "digest": node.digest,
            }
            for node in sorted(self.nodes, key=lambda node: node.distance)
        ]
        return html_rows(rows, caption=f"lineage of {labels.get(self.root, '')}", more=self.truncated)


class MadeFrom(Answer, frozen=True, kw_only=True):
    """A version that came of something, and the edge that says so."""

    model_name: str
    version: int
    digest: str
    edge: LineageEdge
    created_at: datetime
    created_by: str
    url: str
