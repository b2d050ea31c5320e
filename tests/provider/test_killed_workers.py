"""A worker killed between any two calls leaves one version, one promotion, one rollback, one lease, one check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry_service.client import Phase, PromotionKind
from tests.provider import scenarios
from tests.provider.faults import KillingProxy, Worker, kill_everywhere
from tests.provider.world import World

pytestmark = pytest.mark.slow

HOLDER = "airflow:churn_nightly/scheduled__2026-03-03"


@pytest.fixture
def proxy(world: World) -> Iterator[KillingProxy]:
    with KillingProxy(world.url) as proxy:
        yield proxy


_counter = itertools.count()


class Rounds:
    """A model, and a directory of the worker's, per round."""

    def __init__(self, world: World, proxy: KillingProxy) -> None:
        self.world = world
        self._proxy = proxy
        self._base = f"{world.model}-{next(_counter)}"

    def begin(self, place: int, policy: str | None = None, versions: int = 0) -> dict[str, str]:
        self.world.model = f"{self._base}-{place}"
        if policy is not None:
            self.world.create_model(policy=policy)
        for number in range(1, versions + 1):
            self.world.register(f"version {number} of {self.world.model}")
        directory = self.directory(place)
        directory.mkdir()
        return {"url": self._proxy.url, "token": self.world.token, "directory": str(directory)}

    def directory(self, place: int) -> Path:
        return self.world.directory / f"{self._base}-{place}"

    def served(self, place: int) -> list[str]:
        return (self.directory(place) / "serves").read_text().splitlines()


@pytest.fixture
def rounds(world: World, proxy: KillingProxy) -> Rounds:
    return Rounds(world, proxy)


@pytest.mark.parametrize("scenario", [scenarios.register, scenarios.train])
def test_registering_leaves_one_version(proxy: KillingProxy, rounds: Rounds, scenario: Callable[..., None]) -> None:
    def check(place: int) -> None:
        (version,) = rounds.world.versions()
        assert version.identity is not None and version.identity.startswith(HOLDER)
        if scenario is scenarios.train and place >= len(calls):
            trained = (rounds.directory(place) / "trained").read_text().splitlines()
            assert len(trained) == 1, "a version that was there was trained again"

    calls = _calls_until_registered(proxy, rounds, scenario)
    places = kill_everywhere(proxy, scenario, lambda place: {**rounds.begin(place), "model": rounds.world.model}, check)
    assert places >= 5


def _calls_until_registered(proxy: KillingProxy, rounds: Rounds, scenario: Callable[..., None]) -> list[str]:
    """The calls of an undisturbed run up to the one that makes the version."""
    worker = Worker(scenario, **rounds.begin(0), model=rounds.world.model)
    proxy.arm(worker.pid, None)
    assert worker.finish() == 0
    made = next(n for n, call in enumerate(proxy.calls) if call.startswith("POST") and call.endswith("/versions"))
    return proxy.calls[: made + 1]


def test_evaluating_leaves_one_check(proxy: KillingProxy, rounds: Rounds) -> None:
    assert _evaluate(proxy, rounds) >= 5


def _evaluate(proxy: KillingProxy, rounds: Rounds) -> int:
    def prepare(place: int) -> dict[str, str]:
        arguments = rounds.begin(place, "open", versions=2)
        rounds.world.promote_number(1)
        return {**arguments, "model": rounds.world.model}

    def check(place: int) -> None:
        assert len(rounds.world.person.list_checks(rounds.world.model, 2).items) == 1

    return kill_everywhere(proxy, scenarios.evaluate, prepare, check)


def test_checking_leaves_one_check(proxy: KillingProxy, rounds: Rounds) -> None:
    def prepare(place: int) -> dict[str, str]:
        return {**rounds.begin(place, "open", versions=2), "model": rounds.world.model}

    def check(place: int) -> None:
        (reported,) = rounds.world.person.list_checks(rounds.world.model, 2).items
        assert reported.status == "passed"

    assert kill_everywhere(proxy, scenarios.check, prepare, check) >= 5


def test_waiting_for_an_approval_leaves_one_request(proxy: KillingProxy, rounds: Rounds) -> None:
    def prepare(place: int) -> dict[str, str]:
        return {**rounds.begin(place, "open", versions=2), "model": rounds.world.model}

    def check(place: int) -> None:
        (promotion,) = rounds.world.promotions()
        assert promotion.phase is Phase.APPROVED and rounds.world.current() is None

    assert kill_everywhere(proxy, scenarios.approve, prepare, check) >= 3


def test_a_download_is_whole_or_not_there(proxy: KillingProxy, rounds: Rounds) -> None:
    def prepare(place: int) -> dict[str, str]:
        return {**rounds.begin(place, "open", versions=2), "model": rounds.world.model}

    def check(place: int) -> None:
        cache = rounds.directory(place) / "cache"
        (file,) = (path for path in cache.rglob("model.bin") if ".partial-" not in str(path))
        assert file.read_text() == f"version 2 of {rounds.world.model}"

    assert kill_everywhere(proxy, scenarios.download, prepare, check) >= 4


def test_promoting_leaves_one_promotion(proxy: KillingProxy, rounds: Rounds) -> None:
    def prepare(place: int) -> dict[str, str]:
        return {**rounds.begin(place, "open", versions=2), "model": rounds.world.model}

    def check(place: int) -> None:
        (promotion,) = rounds.world.promotions()
        assert promotion.phase is Phase.APPLIED and rounds.world.current() == 2

    assert kill_everywhere(proxy, scenarios.promote, prepare, check) >= 4


def test_deploying_leaves_one_deployment_and_the_runs_lease(proxy: KillingProxy, rounds: Rounds) -> None:
    def prepare(place: int) -> dict[str, str]:
        arguments = rounds.begin(place, "open", versions=2)
        promotion = rounds.world.request_number(2)
        return {**arguments, "model": rounds.world.model, "promotion": promotion.id}

    def check(place: int) -> None:
        (promotion,) = rounds.world.promotions()
        assert promotion.phase is Phase.APPLYING
        assert promotion.lease is not None and promotion.lease.holder == HOLDER
        (row,) = rounds.world.person.list_deployments(filter=f"model = '{rounds.world.model}'").items
        assert row.status == "running" and row.observed_digest == promotion.digest
        assert set(rounds.served(place)) == {f"version 2 of {rounds.world.model}"}

    assert kill_everywhere(proxy, scenarios.deploy, prepare, check) >= 6


def test_going_back_goes_back_once_and_the_endpoint_follows(proxy: KillingProxy, rounds: Rounds) -> None:
    assert _go_back(proxy, rounds) >= 7


def test_the_harness_finds_a_worker_that_sends_no_idempotency_keys(world: World) -> None:
    with KillingProxy(world.url, forget=frozenset({"idempotency-key"})) as proxy:
        with pytest.raises(AssertionError, match="retry failed"):
            _go_back(proxy, Rounds(world, proxy))
        with pytest.raises(AssertionError):
            _evaluate(proxy, Rounds(world, proxy))


def _go_back(proxy: KillingProxy, rounds: Rounds) -> int:
    def prepare(place: int) -> dict[str, str]:
        arguments = rounds.begin(place, "open", versions=3)
        for number in (1, 2, 3):
            rounds.world.promote_number(number)
        return {**arguments, "promotion": rounds.world.promotion_of(3).id}

    def check(place: int) -> None:
        backs = [promotion for promotion in rounds.world.promotions() if promotion.kind is PromotionKind.ROLLBACK]
        assert len(backs) == 1 and rounds.world.current() == 2
        (row,) = rounds.world.person.list_deployments(filter=f"model = '{rounds.world.model}'").items
        assert (row.version, row.status, row.observed_digest) == (2, "running", row.digest)
        assert set(rounds.served(place)) == {f"version 2 of {rounds.world.model}"}

    return kill_everywhere(proxy, scenarios.roll_back, prepare, check)
