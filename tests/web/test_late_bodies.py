"""A request is let in by its head, and its body may come much later: who is out by then does nothing with it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from registry_service.services.registry import Registry
from tests.service_fixture import RunningService
from tests.web.stories import API, answered

Ending = Callable[[httpx.Client, dict[str, Any]], httpx.Response]


def end_token(admin: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return admin.delete(f"{API}/tokens/{made['token']}")


def disable(admin: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return admin.patch(f"{API}/principals/eve", json={"disabled": True})


def take_role(admin: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return admin.delete(f"{API}/grants/{made['grant']}")


class Late:
    """A request to make a model, of which all but the last byte has come."""

    def __init__(self, service: RunningService, token: str) -> None:
        body = json.dumps({"name": "late"}).encode()
        head = (
            f"POST {API}/models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._raw = socket.create_connection(("127.0.0.1", service.settings.port), timeout=30)
        self._raw.sendall(head.encode() + body[:-1])
        self._last = body[-1:]

    def end(self) -> int:
        """Sends the last byte; the status of the answer."""
        with self._raw, self._raw.makefile("rb") as answer:
            self._raw.sendall(self._last)
            return int(answer.readline().split()[1])


def ended_meanwhile(service: RunningService, ending: Ending) -> tuple[int, bool]:
    """What a request is answered whose caller lost the right to it before its body was whole, and whether it acted."""

    with service.http() as admin:
        answered(admin.post(f"{API}/principals", json={"name": "eve", "kind": "person"}), 201)
        grant = answered(admin.post(f"{API}/grants", json={"principal": "eve", "role": "admin"}), 201)
        issued = answered(admin.post(f"{API}/tokens", json={"name": "t", "principal": "eve"}), 201)
        late = Late(service, issued["token"])
        # The service has looked at the head by the time that it has answered what came after it, on the same loop; and
        # where it hasn't, it refuses all the sooner.
        for _ in range(3):
            answered(admin.get(f"{API}/whoami"))
        assert ending(admin, {"token": issued["info"]["id"], "grant": grant["id"]}).is_success
        status = late.end()
        return status, admin.get(f"{API}/models/late").is_success


@pytest.mark.parametrize(
    ("ending", "status"),
    [(end_token, HTTPStatus.UNAUTHORIZED), (disable, HTTPStatus.UNAUTHORIZED), (take_role, HTTPStatus.FORBIDDEN)],
)
async def test_whoever_is_out_before_their_body_is_whole_does_nothing(
    service_on: RunningService, ending: Ending, status: int
) -> None:
    assert ended_meanwhile(service_on, ending) == (status, False)


async def test_and_would_if_nobody_looked_again(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "_refuse_who_is_out", lambda registry, work: None)
    assert ended_meanwhile(service, end_token) == (HTTPStatus.CREATED, True)


def test_a_caller_who_stays_may_be_slow(service: RunningService) -> None:
    late = Late(service, service.person)
    with service.http() as http:
        answered(http.get(f"{API}/whoami"))
    assert late.end() == HTTPStatus.CREATED
