"""No order of requests, reviews, withdrawals, expiries, edits, races, restarts and steps of the clock makes a digest
current that the pinned policy doesn't allow on the facts of that moment.

Hypothesis tells the stories, over HTTP, to a real server that it also stops, kills and whose clock it turns. What was
acknowledged is kept in a ledger of plain Python (`gate_ledger`), which says after each step what must be so.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as tell
from typing_extensions import override

from registry_service.client import (
    ApplyPromotion,
    AttachPolicy,
    CancelPromotion,
    CheckStatus,
    CreateModel,
    FailPromotion,
    GiveReview,
    HoldStage,
    Metadata,
    ReleaseLease,
    ReportCheck,
    RequestPromotion,
    RevokeVersion,
    RollBack,
    TakeLease,
    UpdatePrincipal,
    Verdict,
)
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.gate_ledger import LEASE_LASTS, Ledger, Promotion, Version, own_work
from tests.campaign.gate_world import APPROVERS, World, answer_to
from tests.campaign.serving import CampaignServer

STAGE: Final = "production"
MAKERS: Final = ("airflow", "ben", "carl")
RUNS: Final = ("run-1", "run-2")
FINAL: Final = frozenset({"APPLIED", "FAILED", "REJECTED", "CANCELLED", "EXPIRED", "STALE", "SUPERSEDED"})
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

indexes = st.integers(0, 11)
approvers = st.sampled_from(APPROVERS)


class Gate(RuleBasedStateMachine):
    """One model's life. A refusal is an answer like any other; what is acknowledged has to be allowed by the ledger."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.phases: dict[str, str] = {}

    @override
    def teardown(self) -> None:
        """Keep what ended a story first. Hypothesis tells the story again, and calls it flaky where the second telling,
        in which races end otherwise, goes well: what happened once has happened."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and self.world.ended_by is None:
            self.world.ended_by = error

    @initialize(name=st.sampled_from(["single", "pair"]))
    def begin(self, name: str) -> None:
        world = self.world
        world.stories += 1
        self.model, self.policy = f"model-{world.stories}", name
        self.wanted = 2 if name == "pair" else 1
        world.begin_anew()
        for person in APPROVERS:
            world.enable(person)
        world.write_policy(name, self.wanted, force=False)
        world.clients["ada"].attach_policy(AttachPolicy(policy=name, model_pattern=self.model))
        world.clients["airflow"].create_model(CreateModel(name=self.model))
        self.ledger = Ledger(now=world.now, able=set(APPROVERS))
        # From here on there always is something to act upon: what may be drawn must not depend on answers.
        self.register("airflow")
        self.request(0, "airflow")

    # ------------------------------------------------------------------------------------------------- what is asked

    def ask(self, act: Callable[[], Any]) -> Any:
        """The answer, None where it was refused."""

        self.ledger.now = self.world.now
        answer = answer_to(act)
        self.world.refused += answer is None
        return answer

    def some_promotion(self, index: int) -> Promotion:
        return list(self.ledger.promotions.values())[-1 - index // 3 % len(self.ledger.promotions)]

    def some_version(self, index: int) -> Version:
        return self.ledger.versions[-1 - index // 3 % len(self.ledger.versions)]

    def register(self, maker: str) -> None:
        metadata = Metadata(metrics={"n": float(len(self.ledger.versions))})
        made = self.world.clients[maker].register(self.model, self.world.file, metadata=metadata)
        self.ledger.versions.append(Version(made.number, made.digest, maker))

    @rule(maker=st.sampled_from(MAKERS))
    def register_one(self, maker: str) -> None:
        self.ask(lambda: self.register(maker))

    @rule(index=indexes, maker=st.sampled_from(MAKERS))
    def request(self, index: int, maker: str) -> None:
        version = self.some_version(index)
        body = RequestPromotion(model=self.model, version=str(version.number), stage=STAGE)
        made = self.ask(lambda: self.world.clients[maker].request_promotion(body))
        if made is not None and made.id not in self.ledger.promotions:
            self.ledger.promotions[made.id] = Promotion(
                made.id, version, maker, self.ledger.now, self.wanted, self.policy == "pair"
            )

    def push(self, maker: str, index: int, holder: str | None) -> None:
        """A new version on its whole way, by people who may: chance alone would seldom get one through."""

        self.register_one(maker)
        self.request(0, maker)
        self.check(0, passed=True)
        for person in self.people_for(self.some_promotion(0), index):
            self.approve(person, 0)
        if holder is not None:
            self.lease(0, holder)
        self.apply(0, holder)

    def people_for(self, promotion: Promotion, index: int) -> list[str]:
        others = sorted(self.ledger.able - own_work(promotion))
        return (others[index:] + others[:index])[: self.wanted]

    @rule(
        maker=st.sampled_from(MAKERS),
        index=st.integers(0, 3),
        trick=st.sampled_from(["own", "own", "withdraw", "reject", "hold", "check", "revoke", "demote", "time"]),
    )
    def cheat(self, maker: str, index: int, trick: str) -> None:
        """All but through the gate, and then one thing is wrong."""

        self.register_one(maker)
        self.request(0, maker)
        promotion = self.some_promotion(0)
        self.check(0, passed=True)
        people = self.people_for(promotion, index)
        if trick == "own":
            people = [*people[1:], *sorted(own_work(promotion).intersection(APPROVERS))]
        for person in people:
            self.approve(person, 0)
        person = people[0] if people else APPROVERS[index]
        tricks: dict[str, Callable[[], None]] = {
            "own": lambda: None,
            "withdraw": lambda: self.withdraw(person, 0),
            "reject": lambda: self.review(person, promotion, Verdict.REJECT),
            "hold": lambda: self.hold(5),
            "check": lambda: self.check(0, passed=False),
            "revoke": lambda: self.revoke(0, 0),
            "demote": lambda: self.people_change(APPROVERS[1:][index % 3], "demote"),
            "time": lambda: self.time_passes(24 * 8, really=True),
        }
        tricks[trick]()
        self.apply(0, None)
        self.release_hold()

    # Each rule is as likely as any other.
    _pushing = rule(maker=st.sampled_from(MAKERS), index=st.integers(0, 3), holder=st.sampled_from([None, "run-1"]))
    push_one, push_another, push_one_more = _pushing(push), _pushing(push), _pushing(push)

    @rule(person=approvers, index=indexes)
    def approve(self, person: str, index: int) -> None:
        self.review(person, self.some_promotion(index), Verdict.APPROVE)

    @rule(person=approvers, index=indexes, really=st.integers(0, 2))
    def reject(self, person: str, index: int, really: int) -> None:
        if not really:
            self.review(person, self.some_promotion(index), Verdict.REJECT)

    def review(self, person: str, promotion: Promotion, verdict: Verdict) -> None:
        if self.ask(lambda: self.send_review(person, promotion, verdict)) is not None:
            self.reviewed(person, promotion, verdict)

    def send_review(self, person: str, promotion: Promotion, verdict: Verdict) -> Any:
        body = GiveReview(verdict=verdict, digest=promotion.version.digest, comment="as the story goes")
        return self.world.clients[person].review_promotion(promotion.id, body)

    def reviewed(self, person: str, promotion: Promotion, verdict: Verdict) -> None:
        promotion.reviews[person] = str(verdict)
        promotion.over = promotion.over or (verdict is Verdict.REJECT and person in self.ledger.able)

    @rule(person=approvers, index=indexes)
    def withdraw(self, person: str, index: int) -> None:
        promotion = self.some_promotion(index)
        if self.ask(lambda: self.world.clients[person].withdraw_review(promotion.id)) is not None:
            promotion.reviews[person] = "withdrawn"

    @rule(index=indexes, holder=st.sampled_from(RUNS))
    def lease(self, index: int, holder: str) -> None:
        promotion = self.some_promotion(index)
        against = self.ledger.against(promotion, holder)
        taken = self.ask(lambda: self.world.clients["airflow"].take_lease(promotion.id, TakeLease(holder=holder)))
        if taken is not None and taken.lease is not None:
            assert against is None, f"{holder} may deploy version {promotion.version.number}, although {against}"
            promotion.lease = (holder, self.ledger.now + LEASE_LASTS)

    @rule(index=indexes, holder=st.sampled_from(RUNS))
    def release(self, index: int, holder: str) -> None:
        promotion = self.some_promotion(index)
        body = ReleaseLease(holder=holder)
        if self.ask(lambda: self.world.clients["airflow"].release_lease(promotion.id, body)) is not None:
            promotion.lease = None

    @rule(index=indexes, holder=st.sampled_from([None, *RUNS]))
    def apply(self, index: int, holder: str | None) -> None:
        promotion = self.some_promotion(index)
        was = self.phases.get(promotion.id)
        against = self.ledger.against(promotion, holder)
        if self.ask(lambda: self.send_apply(promotion, holder)) is not None and was != "APPLIED":
            self.applied(promotion, against)

    def send_apply(self, promotion: Promotion, holder: str | None) -> Any:
        return self.world.clients["airflow"].apply_promotion(promotion.id, ApplyPromotion(holder=holder))

    def applied(self, promotion: Promotion, against: str | None) -> None:
        assert against is None, f"version {promotion.version.number} became current, although {against}"
        promotion.over = True
        self.ledger.history.append((promotion.version.number, "promoted"))
        self.world.applied += 1

    @rule(index=indexes, holder=st.sampled_from(RUNS), really=st.integers(0, 2))
    def fail(self, index: int, holder: str, really: int) -> None:
        promotion = self.some_promotion(index)
        body = FailPromotion(holder=holder, reason="the endpoint refused it")
        if not really and self.ask(lambda: self.world.clients["airflow"].fail_promotion(promotion.id, body)):
            promotion.over = True

    @rule(index=indexes, really=st.integers(0, 3))
    def cancel(self, index: int, really: int) -> None:
        promotion = self.some_promotion(index)
        client = self.world.clients["airflow"]
        if not really and self.ask(lambda: client.cancel_promotion(promotion.id, CancelPromotion())):
            promotion.over = True

    @rule(index=indexes)
    def roll_back(self, index: int) -> None:
        current = self.ledger.current
        named = self.some_version(index).number if index % 4 == 0 or current is None else current
        body = RollBack(reason="as the story goes", from_version=named)
        done = self.ask(lambda: self.world.clients["airflow"].roll_back(self.model, STAGE, body))
        if done is None:
            return
        assert named == current, "what it undid was not current"
        assert done.version in {number for number, _ in self.ledger.history}, "it never was here"
        assert done.version != current
        assert done.version not in self.ledger.failed, "it failed here"
        assert not self.ledger.version(done.version).revoked, "it was revoked"
        for promotion in self.ledger.promotions.values():
            promotion.lease = None  # what a run deploys was approved over a version that is gone
        self.ledger.failed.add(named)
        self.ledger.history.append((done.version, "rolled_back"))
        self.ledger.promotions[done.id] = Promotion(
            done.id, self.ledger.version(done.version), "airflow", self.ledger.now, 0, checked=False, over=True
        )

    @rule(index=indexes, really=st.integers(0, 3))
    def revoke(self, index: int, really: int) -> None:
        if not really:
            version = self.some_version(index)
            if self.ask(lambda: self.send_revoke(version)) is not None:
                version.revoked = True

    def send_revoke(self, version: Version) -> Any:
        body = RevokeVersion(reason="as the story goes")
        return self.world.clients["ada"].revoke_version(self.model, version.number, body)

    @rule(index=indexes, passed=st.booleans())
    def check(self, index: int, passed: bool) -> None:
        version = self.some_version(index)
        status = CheckStatus.PASSED if passed else CheckStatus.FAILED
        if self.ask(lambda: self.send_check(version, status)) is not None:
            version.check = str(status)

    def send_check(self, version: Version, status: CheckStatus) -> Any:
        body = ReportCheck(name="evaluation", status=status)
        return self.world.clients["airflow"].report_check(self.model, version.number, body)

    @rule(hours=st.sampled_from([0, 1, 5]))
    def hold(self, hours: int) -> None:
        until = self.world.now + timedelta(hours=hours) if hours else None
        if self.ask(lambda: self.send_hold(until)) is not None:
            self.ledger.held_until = until or FOREVER

    def send_hold(self, until: datetime | None) -> Any:
        return self.world.clients["ada"].hold_stage(self.model, STAGE, HoldStage(reason="a freeze", until=until))

    @rule()
    def release_hold(self) -> None:
        if self.ask(lambda: self.world.clients["ada"].release_stage(self.model, STAGE)) is not None:
            self.ledger.held_until = None

    # ------------------------------------------------------------------------------------------- what happens around

    @rule(hours=st.sampled_from([1, 2, 12, 24 * 3, 24 * 8, 24 * 15, -1]), really=st.booleans())
    def time_passes(self, hours: int, really: bool) -> None:
        if really:
            self.world.turn(timedelta(hours=hours))

    @rule(person=st.sampled_from(APPROVERS[1:]), what=st.sampled_from(["disable", "demote", "enable", "enable"]))
    def people_change(self, person: str, what: str) -> None:
        world = self.world
        if what == "enable":
            world.enable(person)
            self.ledger.able.add(person)
        elif what == "demote":
            world.demote(person)
            self.ledger.able.discard(person)
        else:
            world.clients["ada"].update_principal(person, UpdatePrincipal(disabled=True))
            self.ledger.able.discard(person)
        self.ledger.now = world.now

    @rule(wanted=st.integers(1, 3), force=st.booleans())
    def policy_changes(self, wanted: int, force: bool) -> None:
        """What is asked for already keeps the version that it was asked for under, or is over."""

        self.world.write_policy(self.policy, wanted, force=force)
        self.wanted = wanted
        if force:
            for promotion in self.ledger.promotions.values():
                promotion.over = True

    @rule(really=st.integers(0, 4), hard=st.booleans())
    def restart(self, really: int, hard: bool) -> None:
        if really == 0:
            self.world.restarts += 1
            if hard:
                self.world.server.kill()
            else:
                self.world.server.stop()
            self.world.server.start()

    @rule(
        index=indexes,
        person=st.sampled_from(APPROVERS[1:]),
        holder=st.sampled_from([None, *RUNS]),
        rival=st.sampled_from(["withdraw", "reject", "revoke", "hold", "check", "demote"]),
    )
    def race(self, index: int, person: str, holder: str | None, rival: str) -> None:
        """Applying, while something else happens that would forbid it: one came before the other."""

        promotion = self.some_promotion(index)
        was = self.phases.get(promotion.id)
        acts: dict[str, tuple[Callable[[], Any], Callable[[Ledger], None]]] = {
            "withdraw": (
                lambda: self.world.clients[person].withdraw_review(promotion.id),
                lambda ledger: ledger.promotions[promotion.id].reviews.update({person: "withdrawn"}),
            ),
            "reject": (
                lambda: self.send_review(person, promotion, Verdict.REJECT),
                lambda ledger: ledger.promotions[promotion.id].reviews.update({person: "reject"}),
            ),
            "revoke": (
                lambda: self.send_revoke(promotion.version),
                lambda ledger: setattr(ledger.promotions[promotion.id].version, "revoked", True),
            ),
            "hold": (lambda: self.send_hold(None), lambda ledger: setattr(ledger, "held_until", FOREVER)),
            "check": (
                lambda: self.send_check(promotion.version, CheckStatus.FAILED),
                lambda ledger: setattr(ledger.promotions[promotion.id].version, "check", "failed"),
            ),
            "demote": (lambda: self.world.demote(person), lambda ledger: ledger.able.discard(person)),
        }
        act, effect = acts[rival]
        self.ledger.now = self.world.now
        before = self.ledger.against(promotion, holder)
        with ThreadPoolExecutor(2) as pool:
            applying = pool.submit(answer_to, lambda: self.send_apply(promotion, holder))
            rivalling = pool.submit(answer_to, act)
            applied, rivalled = applying.result() is not None, rivalling.result() is not None
        after = copy.deepcopy(self.ledger)
        if rivalled:
            effect(after)
            after.settle()
        against = before and after.against(after.promotions[promotion.id], holder)
        if rivalled:
            effect(self.ledger)
            if rival == "reject" and person in self.ledger.able:
                promotion.over = True
        if applied and was != "APPLIED":
            self.applied(promotion, against)

    # --------------------------------------------------------------------------------------------- what must be so

    @invariant()
    def the_registry_agrees_with_the_ledger(self) -> None:
        if not hasattr(self, "ledger"):
            return
        self.ledger.settle()
        ada = self.world.clients["ada"]
        stage = ada.get_stage(self.model, STAGE)
        records = list(ada.iterate_stage_history(self.model, STAGE, limit=200))[::-1]
        assert [record.version for record in records] == [number for number, _ in self.ledger.history]
        assert stage.version == self.ledger.current
        for record in records:
            assert record.digest == self.ledger.version(record.version or 0).digest
        for found in ada.iterate_promotions(filter=f"model = '{self.model}'", limit=200):
            promotion = self.ledger.promotions[found.id]
            assert found.digest == promotion.version.digest
            was = self.phases.get(found.id)
            assert was not in FINAL or was == found.phase, f"{was} was final, and now it is {found.phase}"
            self.phases[found.id] = str(found.phase)
            if found.phase in FINAL:
                promotion.over = True
            if found.phase in {"APPROVED", "APPLYING"}:
                assert self.ledger.enough_said_yes(promotion), f"{found.phase}, although too few said yes"


def run(run: Run) -> Findings:
    clock, file = run.directory / "clock", run.directory / "model.bin"
    clock.write_text("0")
    file.write_bytes(b"the same bytes for all")
    server = CampaignServer(run.directory / "home", mutant=run.mutant, clock=clock)
    world = World(server, clock, file)
    findings = Findings()
    server.start()
    try:
        world.open()
        # A planted bug ends the telling as soon as it is seen.
        examples = 12 if run.is_short and run.mutant is None else 250

        def machine() -> Gate:
            if world.stories % 25 == 24:
                run.say(f"{world.stories + 1} stories, {world.applied} times something became current")
            return Gate(world)

        told = settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            tell(seed(run.seed)(machine), settings=told)  # type: ignore[arg-type]  # any maker of machines will do
        except Exception as error:
            ended_by = world.ended_by or error
            if not isinstance(ended_by, AssertionError):
                raise ended_by from None
            findings.violations.append(f"in story {world.stories}: {ended_by}")
    finally:
        world.close()
        server.stop()
    findings.figures = {
        "stories": world.stories,
        "became current": world.applied,
        "refusals": world.refused,
        "restarts": world.restarts,
    }
    if not findings.violations and world.applied < world.stories // 2:
        raise AssertionError(f"nothing was tried: {findings.figures}")
    return findings


HARNESS = Harness(
    name="gate",
    promise="no order of requests, reviews, races, edits and clock changes lets an unapproved digest become current",
    run=run,
    mutants=("apply_trusts_phase", "own_approval_counts"),
)
