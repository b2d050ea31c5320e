"""What a client was promised: every fact of an answer with a 2xx. It lives in the memory of the campaign, which nobody
kills, and is what the service is held to after each harm.

A client alone changes its models, so that what it was promised is also all that may be there.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One request. `key` goes out as its Idempotency-Key; a step without one does no harm when it is sent again.
    `also` are statuses that are an answer as well: the life goes on with a question."""

    who: str
    method: str
    path: str
    json: dict[str, Any] | None = None
    content: bytes | None = None
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    also: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class ModelFacts:
    """Of one model: its versions by number with their digest, the bytes of each, pointers, and the state of what was
    asked for. `history` is production's, the oldest first."""

    versions: dict[int, str] = field(default_factory=dict)
    files: dict[int, dict[str, str]] = field(default_factory=dict)
    revoked: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    lineage: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    comments: Counter[int] = field(default_factory=Counter)
    aliases: dict[str, int] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)
    reviews: Counter[str] = field(default_factory=Counter)
    history: list[int] = field(default_factory=list)
    held: bool = False
    checks: Counter[int] = field(default_factory=Counter)
    deployments: dict[str, str] = field(default_factory=dict)


@dataclass
class Ledger:
    """All that one client was promised. `events` counts, by kind, model and subject, the events that its answered
    writes must have left: exactly so many. `broken` are promises whose breach a client noticed by itself. `touched`
    are the models that changed since the ledger was last held against the service."""

    models: dict[str, ModelFacts] = field(default_factory=lambda: defaultdict(ModelFacts))
    events: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    tokens: dict[str, bool] = field(default_factory=dict)
    policies: dict[str, int] = field(default_factory=dict)
    consumers: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    last_answers: list[tuple[Step, bytes]] = field(default_factory=list)
    acknowledged: int = 0
    broken: list[str] = field(default_factory=list)

    def happened(self, kind: str, model: str, subject: object = None) -> None:
        self.events[kind, model, None if subject is None else str(subject)] += 1


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
