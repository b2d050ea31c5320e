"""Handles of `AsyncRegistryClient`: those of `sync`, with answers that are awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from registry_service.client.calls import Call
from registry_service.client.handles.names import (
    AliasName,
    ModelName,
    PromotionName,
    Selector,
    StageName,
    VersionName,
)
from registry_service.client.methods import described_by
from registry_service.client.plans import Plan
from registry_service.domain.entities import Page

N = TypeVar("N")
P = ParamSpec("P")
T = TypeVar("T")


class Sender(Protocol):
    """The client, as far as handles need it."""

    @property
    def url(self) -> str: ...

    async def send(self, call: Call[T]) -> T: ...

    def iterate(self, call: Call[Page[T]]) -> AsyncIterator[T]: ...

    async def follow(self, plan: Plan[T]) -> T: ...


class AsyncHandle(Generic[N]):
    """Names, and the client to ask. Nothing is asked for by making one, copying, comparing or showing it."""

    __slots__ = ("_client", "_names")

    def __init__(self, client: Sender, names: N) -> None:
        self._client = client
        self._names = names

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._names}, at {self._client.url})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AsyncHandle)
            and type(other) is type(self)
            and (self._client, self._names) == (other._client, other._names)
        )

    def __hash__(self) -> int:
        return hash((self._client, self._names))


class AsyncListing(Generic[T]):
    """A list that isn't fetched yet. It may be gone through any number of times, and asks for page after page as it
    is; `limit` is the size of a page."""

    def __init__(self, client: Sender, call: Call[Page[T]]) -> None:
        self._client = client
        self._call = call

    def __aiter__(self) -> AsyncIterator[T]:
        return self._client.iterate(self._call)

    async def first(self) -> T | None:
        """The first item, None of an empty list; no more than that is asked for."""
        return next(iter((await self._client.send(self._call.limited_to(1))).items), None)

    async def page(self) -> Page[T]:
        """The first page."""
        return await self._client.send(self._call)

    def __repr__(self) -> str:
        return f"AsyncListing({self._call.summary}, at {self._client.url})"


def _sends(
    build: Callable[Concatenate[N, P], Call[T]],
) -> Callable[Concatenate[AsyncHandle[N], P], Coroutine[Any, Any, T]]:
    @described_by(build)
    async def method(self: AsyncHandle[N], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._client.send(build(self._names, *args, **kwargs))

    return method


def _lists(
    build: Callable[Concatenate[N, P], Call[Page[T]]],
) -> Callable[Concatenate[AsyncHandle[N], P], AsyncListing[T]]:
    @described_by(build)
    def method(self: AsyncHandle[N], /, *args: P.args, **kwargs: P.kwargs) -> AsyncListing[T]:
        return AsyncListing(self._client, build(self._names, *args, **kwargs))

    return method


def _follows(
    build: Callable[Concatenate[N, P], Plan[T]],
) -> Callable[Concatenate[AsyncHandle[N], P], Coroutine[Any, Any, T]]:
    @described_by(build)
    async def method(self: AsyncHandle[N], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._client.follow(build(self._names, *args, **kwargs))

    return method


class _Fetched(Generic[N, T]):
    """An attribute that is asked for when it is awaited."""

    def __init__(self, build: Callable[[N], Plan[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, handle: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, handle: AsyncHandle[N], owner: type[Any]) -> Coroutine[Any, Any, T]: ...

    def __get__(self, handle: AsyncHandle[N] | None, owner: type[Any]) -> Self | Coroutine[Any, Any, T]:
        return self if handle is None else handle._client.follow(self._build(handle._names))  # noqa: SLF001 - its part


class AsyncModelHandle(AsyncHandle[ModelName]):
    """A model by its name. What isn't a call of the registry's gives a further handle."""

    __slots__ = ()

    get = _sends(ModelName.get)
    create = _sends(ModelName.create)
    update = _sends(ModelName.update)
    register = _follows(ModelName.register)
    import_archive = _follows(ModelName.import_archive)
    versions = _lists(ModelName.versions)
    stages = _lists(ModelName.stages)
    aliases = _lists(ModelName.aliases)
    comments = _lists(ModelName.comments)
    comment = _sends(ModelName.comment)
    activity = _lists(ModelName.activity)
    card = _sends(ModelName.card)
    write_card = _sends(ModelName.write_card)
    card_history = _lists(ModelName.card_history)
    deployments = _lists(ModelName.deployments)
    live = _follows(ModelName.live)

    @property
    def name(self) -> str:
        return self._names.model

    def version(self, selector: Selector) -> AsyncVersionHandle:
        """A version by a selector: 7, `latest`, `@champion`, `@production`, or a content digest."""
        return AsyncVersionHandle(self._client, VersionName(self.name, selector))

    def stage(self, name: str) -> AsyncStageHandle:
        return AsyncStageHandle(self._client, StageName(self.name, name))

    def alias(self, name: str) -> AsyncAliasHandle:
        return AsyncAliasHandle(self._client, AliasName(self.name, name))


class AsyncVersionHandle(AsyncHandle[VersionName]):
    """A version by its model and a selector. Each call asks anew what the selector names, as long as it isn't
    resolved."""

    __slots__ = ()

    get = _sends(VersionName.get)
    metadata = _Fetched(VersionName.metadata)
    files = _Fetched(VersionName.files)
    download = _follows(VersionName.download)
    export = _follows(VersionName.export)
    read = _sends(VersionName.read)
    request_promotion = _sends(VersionName.request_promotion)
    promote = _follows(VersionName.promote)
    alias = _sends(VersionName.alias)
    compare = _sends(VersionName.compare)
    lineage = _sends(VersionName.lineage)
    add_lineage = _sends(VersionName.add_lineage)
    checks = _lists(VersionName.checks)
    report_check = _sends(VersionName.report_check)
    report_check_with = _follows(VersionName.report_check_with)
    download_attachments = _follows(VersionName.download_attachments)
    card = _sends(VersionName.card)
    provenance = _follows(VersionName.provenance)
    use = _sends(VersionName.use)
    usages = _lists(VersionName.usages)
    report_usage = _sends(VersionName.report_usage)
    comments = _lists(VersionName.comments)
    comment = _sends(VersionName.comment)
    update = _sends(VersionName.update)
    revoke = _sends(VersionName.revoke)

    @property
    def selector(self) -> Selector:
        return self._names.selector

    @property
    def reference(self) -> str:
        """`fraud/@production`: how other calls and the command name it."""
        return self._names.reference

    @property
    def model(self) -> AsyncModelHandle:
        return AsyncModelHandle(self._client, ModelName(self._names.model))

    async def resolve(self, *, as_of: datetime | None = None) -> AsyncVersionHandle:
        """A handle of the version that the selector names now, or named at `as_of`, by its number: it stays that."""
        return AsyncVersionHandle(self._client, await self._client.follow(self._names.fixed(as_of=as_of)))


class AsyncStageHandle(AsyncHandle[StageName]):
    """A stage of a model."""

    __slots__ = ()

    get = _sends(StageName.get)
    current = _sends(StageName.current)
    history = _lists(StageName.history)
    rollback = _sends(StageName.rollback)
    hold = _sends(StageName.hold)
    release = _sends(StageName.release)
    vacate = _sends(StageName.vacate)
    clear_failure = _sends(StageName.clear_failure)


class AsyncAliasHandle(AsyncHandle[AliasName]):
    """An alias of a model."""

    __slots__ = ()

    get = _sends(AliasName.get)
    move = _sends(AliasName.move)
    remove = _sends(AliasName.remove)


class AsyncPromotionHandle(AsyncHandle[PromotionName]):
    """A promotion by its id."""

    __slots__ = ()

    get = _sends(PromotionName.get)
    approve = _sends(PromotionName.approve)
    reject = _sends(PromotionName.reject)
    withdraw_review = _sends(PromotionName.withdraw_review)
    possible_reviewers = _sends(PromotionName.possible_reviewers)
    apply = _sends(PromotionName.apply)
    cancel = _sends(PromotionName.cancel)
    comments = _lists(PromotionName.comments)
    comment = _sends(PromotionName.comment)
