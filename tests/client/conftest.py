from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from registry_service.client import AsyncListing, AsyncRegistryClient, RegistryClient, RetryPolicy
from registry_service.client.handles.asynchronous import AsyncHandle
from tests.client.cutting import Handler, serving
from tests.client.registry import Registry

IMPATIENT = RetryPolicy(attempts=4, base=0.0, cap=0.0, total=5.0)

Connect = Callable[..., Any]


class Blocking:
    """The asynchronous client, called as if it were the other one: so each test is written once and holds for both."""

    def __init__(self, of: AsyncRegistryClient | AsyncHandle[Any] | AsyncListing[Any], runner: asyncio.Runner) -> None:
        self._client: Any = of
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return self._waited(attribute)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._waited(
                attribute(*(arg._client if isinstance(arg, Blocking) else arg for arg in args), **kwargs)
            )

        return call

    def __iter__(self) -> Iterator[Any]:
        assert isinstance(self._client, AsyncListing)
        return iter(self._runner.run(_listed(self._client)))

    def __repr__(self) -> str:
        return repr(self._client)

    def _waited(self, result: Any) -> Any:
        if isinstance(result, AsyncIterator):
            return iter(self._runner.run(_listed(result)))
        if inspect.iscoroutine(result):
            result = self._runner.run(result)
        return Blocking(result, self._runner) if isinstance(result, AsyncHandle | AsyncListing) else result


async def _listed(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes a client whose requests a handler answers; without one, they go to the URL."""

    with ExitStack() as stack:

        def make(
            handler: Callable[[httpx.Request], httpx.Response] | None = None,
            *,
            url: str = "http://registry.test",
            token: str | None = "secret",
            retries: int | RetryPolicy = IMPATIENT,
            **settings: Any,
        ) -> Any:
            transport = None if handler is None else httpx.MockTransport(handler)
            settings |= {"retries": retries, "transport": transport}
            if request.param == "sync":
                return stack.enter_context(RegistryClient(url, token, **settings))
            runner = stack.enter_context(asyncio.Runner())
            client = AsyncRegistryClient(url, token, **settings)
            stack.callback(lambda: runner.run(client.aclose()))
            return Blocking(client, runner)

        yield make


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def cut_after() -> Iterator[Callable[[Handler, Iterator[int]], str]]:
    """Serves a registry over a real connection, and cuts downloads short after so many bytes each."""

    with ExitStack() as stack:
        yield lambda registry, cuts: stack.enter_context(serving(registry, cuts))
