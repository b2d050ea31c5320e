from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import joblib
import pytest
from sklearn.dummy import DummyClassifier

from tests.demo.endpoint import start_endpoint
from tests.processes import ServerProcess, stop_all

pytestmark = pytest.mark.slow

ROWS = {"rows": [[0.0], [1.0]]}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], httpx.Client]]:
    """Starts the endpoint with the models in `tmp_path/models`; again, after ending the one before."""
    processes: list[ServerProcess] = []
    clients: list[httpx.Client] = []

    def start() -> httpx.Client:
        stop_all(processes)
        process, url = start_endpoint(tmp_path)
        processes.append(process)
        clients.append(httpx.Client(base_url=url, timeout=30, trust_env=False))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    stop_all(processes)


def put_model(models: Path, answer: int) -> tuple[str, str]:
    """A model that always answers the same; a digest to call it by, and the SHA-256 of its file."""
    models.mkdir(exist_ok=True)
    digest = hashlib.sha256(str(answer).encode()).hexdigest()
    path = models / f"{digest}.joblib"
    joblib.dump(DummyClassifier(strategy="constant", constant=answer).fit([[0], [1]], [answer, answer]), path)
    return f"sha256:{digest}", hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_serves_what_it_was_told_to_and_says_which_bytes_it_loaded(
    start: Callable[[], httpx.Client], tmp_path: Path
) -> None:
    seven, bytes_of_seven = put_model(tmp_path / "models", 7)
    eight, bytes_of_eight = put_model(tmp_path / "models", 8)
    endpoint = start()

    assert endpoint.get("/live").json() == {"digest": None, "sha256": None}
    assert endpoint.post("/predict", json=ROWS).status_code == 503
    for digest, sha256, answer in ((seven, bytes_of_seven, 7), (eight, bytes_of_eight, 8)):
        assert endpoint.put("/live", json={"digest": digest}).json() == {"digest": digest, "sha256": sha256}
        assert endpoint.get("/live").json() == {"digest": digest, "sha256": sha256}
        assert endpoint.post("/predict", json=ROWS).json() == {"digest": digest, "predictions": [answer, answer]}


def test_a_restart_comes_back_with_the_model_from_before(start: Callable[[], httpx.Client], tmp_path: Path) -> None:
    seven, _ = put_model(tmp_path / "models", 7)
    start().put("/live", json={"digest": seven})

    endpoint = start()

    assert endpoint.get("/live").json()["digest"] == seven
    assert endpoint.post("/predict", json=ROWS).json()["predictions"] == [7, 7]


@pytest.mark.parametrize("digest", [f"sha256:{'0' * 64}", "sha256:../../secret", "../live", ""])
def test_what_it_does_not_have_is_refused_and_the_model_from_before_stays(
    start: Callable[[], httpx.Client], tmp_path: Path, digest: str
) -> None:
    seven, _ = put_model(tmp_path / "models", 7)
    endpoint = start()
    endpoint.put("/live", json={"digest": seven})

    assert endpoint.put("/live", json={"digest": digest}).status_code == 404
    assert endpoint.get("/live").json()["digest"] == seven


def test_many_who_tell_it_at_once_are_all_heard(start: Callable[[], httpx.Client], tmp_path: Path) -> None:
    digests = [put_model(tmp_path / "models", answer)[0] for answer in (7, 8)]
    endpoint = start()

    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda turn: endpoint.put("/live", json={"digest": digests[turn % 2]}), range(80))

    assert {answer.status_code for answer in answers} == {200}
