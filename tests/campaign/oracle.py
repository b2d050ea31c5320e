"""What one model's life must look like, told a second time: what each act brings about in each state.

Written from the rules that users are told, not from the code that decides. It knows the policies `open` and `solo`,
acts that need no time to pass, and people who may do anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

ROLLBACK_WITHIN: Final = 10
READS: Final = frozenset({"read_promotion", "read_stage", "read_current", "read_model"})


@dataclass(frozen=True)
class Act:
    """What a client asks for. `marker` comes back in the event of its effect: a text of the request where there is
    one that nobody else sent, else what it is about."""

    kind: str
    marker: str = ""
    promotion: str = ""
    stage: str = ""
    version: int = 0
    holder: str | None = None
    verdict: str = "approve"

    def __str__(self) -> str:
        told = [self.kind, self.promotion, self.stage, f"of version {self.version}" if self.version else ""]
        told += [f"by {self.holder}" if self.holder else "", self.verdict if self.kind == "review" else ""]
        return " ".join(word for word in told if word)


@dataclass(frozen=True)
class Promotion:
    id: str
    stage: str
    version: int
    phase: str
    replaces: int | None
    holder: str | None = None
    reviews: frozenset[tuple[str, str]] = frozenset()
    revision: int = 0

    @property
    def approved(self) -> bool:
        return any(verdict == "approve" for _, verdict in self.reviews)


@dataclass(frozen=True)
class Stage:
    """`recent` are the versions that became current, the newest last; `promoted` those that did so by a promotion."""

    name: str
    version: int | None = None
    promotion: str | None = None
    held: bool = False
    failed: frozenset[int] = frozenset()
    recent: tuple[int, ...] = ()
    promoted: frozenset[int] = frozenset()
    revision: int = 0


@dataclass
class State:
    """A model at one revision. `over` is shared by all states of a model: promotions that are final, with the
    revision since which they are."""

    policy: str
    stages: dict[str, Stage]
    versions: int = 0
    revoked: frozenset[int] = frozenset()
    open: dict[str, Promotion] = field(default_factory=dict)
    over: dict[str, tuple[int, Promotion]] = field(default_factory=dict)
    revision: int = 0

    def find(self, promotion: str) -> Promotion | None:
        if promotion in self.open:
            return self.open[promotion]
        since, found = self.over.get(promotion, (0, None))
        return found if since <= self.revision else None

    def is_live(self, promotion: Promotion) -> bool:
        return promotion.phase == "APPLIED" and self.stages[promotion.stage].promotion == promotion.id

    def newest_standing(self, stage: Stage) -> int:
        return max(stage.promoted - stage.failed - self.revoked, default=0)


@dataclass(frozen=True)
class Refused:
    code: str


@dataclass(frozen=True)
class Existing:
    """Nothing new: the answer is about `subject` as it is."""

    subject: str


@dataclass
class Moved:
    """An effect: the state after it, and the events that tell of it, as kind and subject. `closed` are final now."""

    state: State
    subject: str = ""
    events: list[tuple[str, str]] = field(default_factory=list)
    closed: list[Promotion] = field(default_factory=list)
    records: list[tuple[str, str, int | None, int | None, str | None]] = field(default_factory=list)

    def put(self, promotion: Promotion) -> None:
        if promotion.phase in {"PENDING", "APPROVED", "APPLYING"}:
            self.state.open[promotion.id] = promotion
        else:
            self.state.open.pop(promotion.id, None)
            self.closed.append(promotion)

    def move(self, promotion: Promotion, phase: str, event: str, **values: object) -> None:
        self.put(replace(promotion, phase=phase, holder=values.pop("holder", None), **values))  # type: ignore[arg-type]
        self.events.append((f"promotion.{event}", promotion.id))

    def point(self, stage: Stage, change: str, version: int | None, promotion: str | None) -> None:
        recent = stage.recent if version is None else (*stage.recent, version)[-ROLLBACK_WITHIN - 1 :]
        promoted = stage.promoted | {version} if change == "promoted" and version is not None else stage.promoted
        self.state.stages[stage.name] = replace(
            stage, version=version, promotion=promotion, recent=recent, promoted=promoted
        )
        self.events.append(("stage.vacated" if version is None else "stage.moved", stage.name))
        self.records.append((stage.name, change, version, stage.version, promotion))

    def settle(self) -> Moved:
        """Let what is open follow from what has happened: what is older goes, what nothing is missing for is
        approved."""
        state, moving = self.state, True
        while moving:
            moving = False
            for promotion in list(state.open.values()):
                step = _demanded(state, promotion)
                if step is not None:
                    self.move(promotion, *step)
                    moving = True
        return self


Ruling = Refused | Existing | Moved


def _demanded(state: State, promotion: Promotion) -> tuple[str, str] | None:
    if promotion.version in state.revoked:
        return "STALE", "stale"
    if any(verdict == "reject" for _, verdict in promotion.reviews):
        return "REJECTED", "rejected"
    older = promotion.version < state.newest_standing(state.stages[promotion.stage])
    if older and promotion.phase != "APPLYING":
        return "SUPERSEDED", "superseded"
    enough = state.policy == "open" or promotion.approved
    if promotion.phase == "PENDING" and enough:
        return "APPROVED", "approved"
    if promotion.phase != "PENDING" and not enough:
        return "PENDING", "unapproved"
    return None


def rule(state: State, act: Act, *, client: str = "", new: str = "") -> Ruling:  # noqa: PLR0911 - a list of rules, one after the other
    """What the act of a client must bring about. `new` is the id of the promotion that it makes, if it does."""

    moved = Moved(replace(state, stages=dict(state.stages), open=dict(state.open)))
    match act.kind:
        case "register":
            moved.state.versions += 1
            moved.events.append(("version.registered", str(moved.state.versions)))
            return moved
        case "request":
            return _request(moved, act, new)
        case "revoke":
            return _revoke(moved, act)
        case "roll_back":
            return _roll_back(moved, act, new)
        case "hold" | "let_go" | "clear" | "vacate":
            return _of_stage(moved, act)
    promotion = state.find(act.promotion)
    if promotion is None:
        return Refused("promotion_not_found")
    if act.kind in {"review", "withdraw"}:
        return _review(moved, promotion, act, client)
    moved.subject = promotion.id
    return _of_promotion(moved, promotion, act)


def _request(moved: Moved, act: Act, new: str) -> Ruling:
    state = moved.state
    stage = state.stages[act.stage]
    if act.version in state.revoked:
        return Refused("version_revoked")
    if stage.version == act.version:
        assert stage.promotion is not None
        return Existing(stage.promotion)
    for other in state.open.values():
        if other.stage == stage.name and other.version == act.version:
            return Existing(other.id)
    moved.subject = new
    for other in list(state.open.values()):
        unreviewed = not other.reviews and other.phase != "APPLYING"
        if other.stage == stage.name and other.version < act.version and unreviewed:
            moved.move(other, "SUPERSEDED", "superseded")
    moved.put(Promotion(new, stage.name, act.version, "PENDING", stage.version))
    moved.events.append(("promotion.requested", new))
    return moved.settle()


def _review(moved: Moved, promotion: Promotion, act: Act, client: str) -> Ruling:
    if promotion.id not in moved.state.open:
        return Refused("promotion_final")
    others = frozenset(given for given in promotion.reviews if given[0] != client)
    if act.kind == "withdraw" and others == promotion.reviews:
        return Refused("illegal_move")
    given = others if act.kind == "withdraw" else others | {(client, act.verdict)}
    moved.subject = promotion.id
    moved.put(replace(promotion, reviews=given))
    moved.events.append(("review.withdrawn" if act.kind == "withdraw" else "review.given", promotion.id))
    return moved.settle()


def _of_promotion(moved: Moved, promotion: Promotion, act: Act) -> Ruling:  # noqa: C901, PLR0911 - a list of rules, one after the other
    others_lease = promotion.phase == "APPLYING" and promotion.holder != act.holder
    is_open = promotion.id in moved.state.open
    match act.kind:
        case "lease" | "apply":
            return _deploy(moved, promotion, act)
        case "release":
            if promotion.phase != "APPLYING":
                return Existing(promotion.id)
            if others_lease:
                return Refused("not_lease_holder")
            moved.move(promotion, "APPROVED", "lease_released")
        case "fail":
            if promotion.phase == "FAILED":
                return Existing(promotion.id)
            if others_lease:
                return Refused("not_lease_holder")
            if promotion.phase != "APPLYING":
                return Refused("illegal_move" if is_open else "promotion_final")
            moved.move(promotion, "FAILED", "failed")
        case "cancel":
            if promotion.phase == "CANCELLED":
                return Existing(promotion.id)
            if not is_open:
                return Refused("promotion_final")
            moved.move(promotion, "CANCELLED", "cancelled")
        case _:
            raise ValueError(act.kind)
    return moved.settle()


def _deploy(moved: Moved, promotion: Promotion, act: Act) -> Ruling:  # noqa: PLR0911 - a list of rules, one after the other
    state = moved.state
    if state.is_live(promotion):
        return Existing(promotion.id)
    if promotion.id not in state.open:
        return Refused("promotion_final")
    if promotion.phase == "APPLYING" and promotion.holder != act.holder:
        return Refused("not_lease_holder" if act.holder is None else "lease_held")
    stage = state.stages[promotion.stage]
    reasons = set(_in_the_way(state, promotion, stage))
    if reasons:
        return Refused(reasons.pop() if len(reasons) == 1 else "not_approved")
    if act.kind == "lease":
        if promotion.phase == "APPLYING":
            return Existing(promotion.id)
        moved.move(promotion, "APPLYING", "leased", holder=act.holder)
        return moved
    moved.move(promotion, "APPLIED", "applied", replaces=stage.version)
    moved.point(stage, "promoted", promotion.version, promotion.id)
    return moved.settle()


def _in_the_way(state: State, promotion: Promotion, stage: Stage) -> Iterator[str]:
    if stage.held:
        yield "stage_held"
    if promotion.version < state.newest_standing(stage):
        yield "older_than_current"
    if promotion.version in stage.failed:
        yield "not_approved"
    if state.policy == "solo" and not promotion.approved:
        yield "not_approved"
    for other in state.open.values():
        if other.id != promotion.id and other.stage == stage.name and other.phase == "APPLYING":
            yield "lease_held"


def _roll_back(moved: Moved, act: Act, new: str) -> Ruling:
    state = moved.state
    stage = state.stages[act.stage]
    if stage.version is None or stage.version != act.version:
        return Refused("nothing_to_roll_back")
    target = _good_target(state, stage)
    if target is None:
        return Refused("no_rollback_target")
    for other in list(state.open.values()):
        if other.stage == stage.name and other.version == target:
            moved.move(other, "CANCELLED", "cancelled")
        elif other.stage == stage.name and other.phase == "APPLYING":
            moved.move(other, "APPROVED", "lease_released")
    moved.subject = new
    moved.events += [("promotion.rolled_back", new), ("promotion.approved", new), ("promotion.applied", new)]
    moved.put(Promotion(new, stage.name, target, "APPLIED", stage.version))
    moved.point(replace(stage, failed=stage.failed | {act.version}), "rolled_back", target, new)
    return moved.settle()


def _good_target(state: State, stage: Stage) -> int | None:
    for version in reversed(stage.recent[:-1]):
        if version != stage.version and version not in stage.failed and version not in state.revoked:
            return version
    return None


def _revoke(moved: Moved, act: Act) -> Ruling:
    state = moved.state
    if act.version in state.revoked:
        return Existing(str(act.version))
    moved.subject = str(act.version)
    state.revoked |= {act.version}
    moved.events.append(("version.revoked", str(act.version)))
    return moved.settle()


def _of_stage(moved: Moved, act: Act) -> Ruling:  # noqa: PLR0911 - a list of rules, one after the other
    state = moved.state
    stage = state.stages[act.stage]
    moved.subject = stage.name
    match act.kind:
        case "hold":
            state.stages[stage.name] = replace(stage, held=True)
            moved.events.append(("stage.held", stage.name))
        case "let_go":
            if not stage.held:
                return Existing(stage.name)
            state.stages[stage.name] = replace(stage, held=False)
            moved.events.append(("stage.released", stage.name))
        case "clear":
            if act.version not in stage.failed:
                return Refused("version_not_found")
            state.stages[stage.name] = replace(stage, failed=stage.failed - {act.version})
            moved.events.append(("stage.failure_cleared", stage.name))
            return moved.settle()
        case _:
            if stage.version is None:
                return Refused("stage_vacant")
            if stage.version != act.version:
                return Refused("nothing_to_roll_back")
            if _good_target(state, stage) is not None or stage.version not in state.revoked:
                return Refused("conflict")
            moved.point(stage, "vacated", None, None)
            return moved.settle()
    return moved
