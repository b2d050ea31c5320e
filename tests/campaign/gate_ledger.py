"""What is true of one model's production stage, kept in plain Python beside the registry: only what was acknowledged
goes in, and it is judged here by plain counting, not by the code that decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

REQUEST_LASTS = timedelta(days=14)
APPROVAL_LASTS = timedelta(days=7)
LEASE_LASTS = timedelta(hours=1)

OWNER_OF = {"airflow": "ada"}


@dataclass
class Version:
    number: int
    digest: str
    maker: str
    revoked: bool = False
    check: str | None = None


@dataclass
class Promotion:
    """`wanted` and `checked` are what the policy demanded in the version that was in force when this was requested;
    `met_since` is the moment from which on it has had that."""

    id: str
    version: Version
    requester: str
    requested_at: datetime
    wanted: int
    checked: bool
    over: bool = False
    reviews: dict[str, str] = field(default_factory=dict)
    met_since: datetime | None = None
    lease: tuple[str, datetime] | None = None


def own_work(promotion: Promotion) -> set[str]:
    """Whose approval doesn't count."""
    makers = {promotion.requester, promotion.version.maker}
    return makers | {OWNER_OF[name] for name in makers if name in OWNER_OF}


@dataclass
class Ledger:
    now: datetime
    able: set[str]
    versions: list[Version] = field(default_factory=list)
    promotions: dict[str, Promotion] = field(default_factory=dict)
    history: list[tuple[int, str]] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    held_until: datetime | None = None

    @property
    def current(self) -> int | None:
        return self.history[-1][0] if self.history else None

    def version(self, number: int) -> Version:
        return next(version for version in self.versions if version.number == number)

    def settle(self) -> None:
        """Note from when on demands are met. A check that fails takes nothing back that people have said."""

        for promotion in self.promotions.values():
            if promotion.over:
                continue
            if not self.enough_said_yes(promotion):
                promotion.met_since = promotion.lease = None  # it waits again, and whoever deploys it may no longer
            elif promotion.met_since is None and not self.lacks_check(promotion):
                in_time = self.now < promotion.requested_at + REQUEST_LASTS
                promotion.met_since = self.now if in_time else None

    def enough_said_yes(self, promotion: Promotion) -> bool:
        yes = {name for name, verdict in promotion.reviews.items() if verdict == "approve" and name in self.able}
        return len(yes - own_work(promotion)) >= promotion.wanted

    def lacks_check(self, promotion: Promotion) -> bool:
        return promotion.checked and promotion.version.check != "passed"

    def lease_of_stage(self) -> tuple[str, str] | None:
        """The promotion and the run that deploy now."""
        for promotion in self.promotions.values():
            if not promotion.over and promotion.lease is not None and self.now < promotion.lease[1]:
                return promotion.id, promotion.lease[0]
        return None

    def against(self, promotion: Promotion, holder: str | None) -> str | None:
        """Why this may not become current now; None: nothing is in the way."""

        self.settle()
        version = promotion.version
        in_the_way = {
            "it is over": promotion.over,
            "its version was revoked": version.revoked,
            "too few said yes": not self.enough_said_yes(promotion),
            "somebody said no": self.somebody_said_no(promotion),
            "its check has not passed": self.lacks_check(promotion),
            "the stage is held": self.held_until is not None and self.now < self.held_until,
            "it failed here": version.number in self.failed,
            "a newer one was here": version.number < self.newest_standing(),
        }
        for reason, is_so in in_the_way.items():
            if is_so:
                return reason
        lease = self.lease_of_stage()
        if lease is not None:
            return None if lease == (promotion.id, holder) else "another run deploys"
        if promotion.met_since is None or self.now >= promotion.met_since + APPROVAL_LASTS:
            return "its time is over"
        return None

    def somebody_said_no(self, promotion: Promotion) -> bool:
        return any(verdict == "reject" and name in self.able for name, verdict in promotion.reviews.items())

    def newest_standing(self) -> int:
        standing = [
            number
            for number, change in self.history
            if change == "promoted" and number not in self.failed and not self.version(number).revoked
        ]
        return max(standing, default=0)
