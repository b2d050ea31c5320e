"""A service that is killed between a file's last byte and its row, or between the row and the end of what proved it:
not a byte is sent again, nobody else gains, and nothing is left for good."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from typing_extensions import override

from tests.campaign.arming import Rule
from tests.campaign.serving import CampaignServer
from tests.object_stores.fixtures import EACH
from tests.object_stores.server import ObjectStore
from tests.web.stories import API, answered, create_model, digest_of

# More than one part of a bucket, so that it is assembled there.
DATA = random.Random(11).randbytes(9_000_000)
DIGEST = digest_of(DATA)
SENT = 8_700_000


class ServerOnBucket(CampaignServer):
    bucket: Mapping[str, str] = MappingProxyType({})

    @override
    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.bucket}


@pytest.fixture(params=["filesystem", *EACH])
def server(request: pytest.FixtureRequest, tmp_path: Path, a_prefix: str) -> Iterator[CampaignServer]:
    made = ServerOnBucket(tmp_path / "home", mutant=None)
    if request.param != "filesystem":
        store: ObjectStore = request.getfixturevalue(request.param)
        made.bucket = {
            "MODEL_REGISTRY_ARTIFACTS": f"s3://{store.bucket}/{a_prefix}",
            "MODEL_REGISTRY_S3_ENDPOINT": store.endpoint,
            "MODEL_REGISTRY_S3_REGION": store.region,
            "MODEL_REGISTRY_S3_ACCESS_KEY": store.access_key,
            "MODEL_REGISTRY_S3_SECRET_KEY": store.secret_key,
            "MODEL_REGISTRY_S3_PRESIGN": "off",
        }
    try:
        yield made
    finally:
        made.stop()


def started(http: httpx.Client, *, resume: bool = False) -> Any:
    body = {"model": "m", "files": [{"digest": DIGEST, "size": len(DATA)}], "resume": resume}
    answer = http.post(f"{API}/uploads", json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def file_of(upload: str) -> str:
    return f"{API}/uploads/{upload}/files/{DIGEST}"


def go_on(http: httpx.Client, upload: str, start: int, stop: int | None = None) -> httpx.Response:
    return http.patch(file_of(upload), content=DATA[start:stop], headers={"upload-offset": str(start)})


def killed_at(server: CampaignServer, point: str, request: Callable[[], object]) -> None:
    """Make a request that kills the service when it comes to `point`."""
    server.arm(Rule(point, "kill", 1))
    time.sleep(1)  # the orders are looked at every 10 ms
    with pytest.raises(httpx.TransportError):
        request()
    assert server.wait_until_dead(20)


def check_that_nobody_else_gains(http: httpx.Client, airflow: httpx.Client, upload: str) -> None:
    for other, caller in ((started(http)["id"], http), (started(airflow)["id"], airflow)):
        assert answered(caller.get(file_of(other)))["kept"] == 0
        assert answered(go_on(caller, other, len(DATA)), 409)["code"] == "offset_mismatch"
        assert answered(caller.post(f"{file_of(other)}/complete"), 409)["code"] == "upload_incomplete"
    assert answered(airflow.get(file_of(upload)), 404)["code"] == "upload_not_found"


def check_that_a_version_has_it(http: httpx.Client, upload: str) -> None:
    body = {"files": [{"path": "model.bin", "digest": DIGEST, "size": len(DATA)}], "upload": upload}
    answered(http.post(f"{API}/models/m/versions", json=body), 201)
    assert http.get(f"{API}/models/m/versions/1/files/model.bin").content == DATA


def leftovers(http: httpx.Client) -> int:
    """What ended uploads had left behind, discarded by a collection's first step."""
    return int(answered(http.post(f"{API}/maintenance/gc", json={}))["leftovers"])


@pytest.mark.slow
@pytest.mark.parametrize("point", ["upload.before_row", "upload.row_written"])
def test_killed_before_the_row_it_finds_the_bytes_again_for_who_sent_them_alone(
    server: CampaignServer, point: str
) -> None:
    server.start()
    with server.http(server.token("person")) as http:
        create_model(http, "m")
        upload = started(http)["id"]
        answered(go_on(http, upload, 0, SENT))
        killed_at(server, point, lambda: go_on(http, upload, SENT))

    server.start()
    with server.http(server.token("person")) as http, server.http(server.token("airflow")) as airflow:
        assert started(http, resume=True)["id"] == upload
        before = answered(http.get(file_of(upload)))
        assert (before["kept"], before["received"]) == (len(DATA), False)

        check_that_nobody_else_gains(http, airflow, upload)
        assert answered(go_on(http, upload, len(DATA)))["received"], "not a byte was sent"
        check_that_a_version_has_it(http, upload)


@pytest.mark.slow
@pytest.mark.parametrize("asked_again", [False, True])
def test_killed_behind_the_row_it_has_the_file_and_leaves_nothing_for_good(
    server: CampaignServer, asked_again: bool
) -> None:
    server.start()
    with server.http(server.token("person")) as http:
        create_model(http, "m")
        upload = started(http)["id"]
        answered(go_on(http, upload, 0, SENT))
        killed_at(server, "piece.before_settle", lambda: go_on(http, upload, SENT))

    server.start()
    with server.http(server.token("person")) as http, server.http(server.token("airflow")) as airflow:
        resumed = started(http, resume=True)
        assert (resumed["id"], resumed["missing"]) == (upload, []), "no byte is asked for"
        assert answered(http.get(file_of(upload)))["received"]
        assert answered(go_on(http, upload, SENT))["received"], "the request that wasn't answered, sent again"
        if asked_again:
            assert answered(http.post(f"{file_of(upload)}/complete"))["received"]
        check_that_nobody_else_gains(http, airflow, upload)
        check_that_a_version_has_it(http, upload)
        assert [leftovers(http) for _ in range(2)] == [0 if asked_again else 1, 0]
