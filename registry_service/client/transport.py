"""What both clients do alike: requests out of calls, answers out of responses, and whether to try again.

The clients add only how they wait: for the network, for a pause, for a file.
"""

from __future__ import annotations

import email.utils
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from random import Random
from typing import Any, Final, Generic, TypeVar, cast

import httpx
import msgspec

from registry_service.client.calls import Call, RetryRule, Sink
from registry_service.client.credentials import Credentials
from registry_service.client.errors import RegistryUnreachable, StreamSilent, UnexpectedAnswer
from registry_service.client.retries import Attempts, RetryPolicy
from registry_service.client.server_sent import EVENT_STREAM, page_of
from registry_service.domain.errors import (
    InvalidInput,
    LeaseHeld,
    RegistryError,
    TooManyStreams,
    TooManyUploads,
    Unavailable,
    error_classes,
)
from registry_service.domain.strictness import UNDECODABLE

T = TypeVar("T")

PREFIX: Final = "/api/v1"
USER_AGENT: Final = "airflow-model-registry"

_BUSY: Final = frozenset({429, 502, 503, 504})
_CONNECT_SECONDS: Final = 10.0
_RANDOM: Final = Random(secrets.randbits(64))  # noqa: S311 - spreads retries over time, protects nothing

Verify = bool | str | ssl.SSLContext
Retries = int | RetryPolicy


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal on the wire (RFC 9457)."""

    code: str
    detail: str = ""
    title: str = ""
    details: dict[str, Any] = {}
    request_id: str | None = None


class Session:
    """Where the registry is, who asks, and how patiently: everything that calls of one client share."""

    def __init__(self, credentials: Credentials, *, timeout: float, retries: Retries, verify: Verify) -> None:
        self.url = credentials.url
        self.timeout = timeout
        self.policy = retries if isinstance(retries, RetryPolicy) else RetryPolicy(attempts=retries + 1)
        verify = credentials.ca_file if verify is True and credentials.ca_file is not None else verify
        self.verify = ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify
        self.headers = {
            "Authorization": f"Bearer {credentials.token}",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }

    @property
    def trust_env(self) -> bool:
        """Whether proxies of the environment apply: not to one's own machine."""
        return not _is_loopback(httpx.URL(self.url).host)


class Exchange(Generic[T]):
    """One call from its first try to its answer. The idempotency key is made once and kept over all tries."""

    def __init__(self, call: Call[T], session: Session) -> None:
        self._call = call
        self._session = session
        self._attempts = Attempts(session.policy, _RANDOM)
        self._key = _checked_key(call.idempotency_key) if call.is_write and call.url is None else None
        self._body = b"{}" if call.body is None else msgspec.json.encode(call.body)
        self._retry_after = 0.0
        self._received = 0
        # The object store that is asked in place of the registry, as far as messages tell.
        self._store = None if call.url is None else _store_at(call.url)

    def request(
        self, http: httpx.Client | httpx.AsyncClient, content: Iterator[bytes] | AsyncIterator[bytes] | None
    ) -> httpx.Request:
        """The request of the next try; `content` is the call's, opened anew."""

        call, session = self._call, self._session
        if call.url is not None:
            assert call.content is not None, "only parts go elsewhere"
            # The service's signature covers the host alone: any header more is one that a store may object to.
            length = {"Content-Length": str(call.content.size), "User-Agent": USER_AGENT}
            return http.build_request("PUT", call.url, headers=length, content=content, timeout=self._timeout)
        self._store = None
        headers = session.headers | _accepting(call)
        if self._key is not None:
            headers["Idempotency-Key"] = self._key
        if call.if_match is not None:
            headers["If-Match"] = f'"{call.if_match}"'
        if call.if_none_match is not None:
            headers["If-None-Match"] = f'"{call.if_none_match}"'
        if call.sink is not None and call.sink.received:
            headers["Range"] = f"bytes={call.sink.received}-"
        sends_json = call.is_write and call.content is None and call.method != "DELETE"
        if sends_json:
            headers["Content-Type"] = "application/json"
        if call.content is not None:
            headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(call.content.size)}
        if call.offset is not None:
            headers["Upload-Offset"] = str(call.offset)
        return http.build_request(
            call.method,
            session.url + PREFIX + call.path,
            params=call.query or None,
            headers=headers,
            content=self._body if sends_json else content,
            timeout=self._timeout,
        )

    @property
    def _timeout(self) -> httpx.Timeout:
        session = self._session
        timeout = httpx.Timeout(session.timeout, connect=min(session.timeout, _CONNECT_SECONDS))
        timeout.read = self._call.silence or session.timeout + self._call.patience
        return timeout

    def elsewhere(self, http: httpx.Client | httpx.AsyncClient, response: httpx.Response) -> httpx.Request | None:
        """The request for bytes that the service says the store gives, where it says so. It is made anew, and not from
        the first one: the token is the registry's alone."""

        location = response.headers.get("Location")
        if self._call.answer is not bytes or response.status_code != 307 or location is None:
            return None
        self._store = _store_at(location)
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        if "Range" in response.request.headers:
            headers["Range"] = response.request.headers["Range"]
        return http.build_request("GET", location, headers=headers, timeout=self._timeout)

    def sink(self, response: httpx.Response) -> Sink | None:
        """Where the response's bytes go, if they are the wanted ones and not words about them."""

        sink = self._call.sink
        if sink is None or response.status_code not in {200, 206}:
            return None
        if response.status_code == 200:
            sink.restart()
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {sink.received}-"):
            sink.restart()
            raise UnexpectedAnswer("The service answered with another part of the file than asked for. Try again.")
        return sink

    def answer(self, response: httpx.Response) -> T:
        """What the response says, its body read (or, where the call has a sink, written there).

        :raises RegistryError: the refusal in it, by its code.
        :raises UnexpectedAnswer: it isn't an answer of a registry.
        """

        call = self._call
        status = response.status_code
        if status >= 300 and not (status == 304 and call.if_none_match is not None):
            self._retry_after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            if status == 416 and call.sink is not None and call.sink.received:
                # All bytes were here when the connection broke: nothing is left to ask for, nor proven.
                call.sink.restart()
                raise Unavailable("The service has no more of the file. Try again from its beginning.")
            if self._store is not None:
                raise _store_refusal(response, self._store, may_repeat=call.url is None)
            raise refusal(response)
        # What a call answers with besides entities, its type says; the type checker can't follow that.
        if call.sink is not None:
            call.sink.finish()
            return cast("T", b"")
        if status == 304 or call.answer is type(None):
            return cast("T", None)
        if call.answer is bytes:
            return cast("T", response.content)
        if call.silence is not None:
            self.check_stream(response)
            return cast("T", page_of(response.content))
        try:
            return msgspec.json.decode(response.content, type=call.answer)
        except UNDECODABLE as error:
            raise UnexpectedAnswer(
                f"The answer to {call.method} {response.url} can't be understood ({error}). Check that the URL leads"
                " to a registry, and that client and registry are of like versions."
            ) from error

    def check_stream(self, response: httpx.Response) -> None:
        """:raises UnexpectedAnswer: what comes is no stream of events."""

        kind = response.headers.get("Content-Type", "no content type").partition(";")[0]
        if kind != EVENT_STREAM:
            raise UnexpectedAnswer(
                f"{response.url} answered with {kind} in place of a stream of events. Check the URL."
            )

    def lost(self, error: httpx.RequestError) -> RegistryUnreachable:
        """What it means for a stream that its connection failed."""

        if isinstance(error, httpx.ReadTimeout):
            return StreamSilent(
                f"The stream of events from {self._session.url} brought nothing for {self._call.silence:g} seconds."
                " Look at proxies on the way: they must hand on what comes at once."
            )
        return self._unreachable(error)

    def pause_after(self, error: Exception) -> float:
        """Seconds to wait before the next try.

        :raises RegistryError: there will be none; what the caller should know.
        """

        outcome = error if isinstance(error, RegistryError) else self._unreachable(error)
        if self._call.sink is not None and self._call.sink.received > self._received:
            self._attempts.progressed()
            self._received = self._call.sink.received
        pause = None
        if self._may_repeat(error):
            pause = self._attempts.pause(time.monotonic(), at_least=self._retry_after)
        if pause is None:
            raise outcome from (None if outcome is error else error)
        return pause

    def _may_repeat(self, error: Exception) -> bool:
        if isinstance(error, RegistryError):
            # A lease can last an hour, and uploads end by the caller's own doing: to wait is the caller's decision, not
            # the transport's.
            return error.retryable and not isinstance(error, LeaseHeld | TooManyStreams | TooManyUploads)
        if isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)) or _certificate_fault(error):
            return False
        never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
        return never_sent or self._call.retry is RetryRule.ALWAYS

    def _unreachable(self, error: Exception) -> RegistryUnreachable:
        asked = self._store or f"the registry at {self._session.url}"
        if _certificate_fault(error):
            return RegistryUnreachable(
                f"The certificate of {asked} isn't trusted ({error}). Give the authority that signed it"
                " (`verify=<file>`, or SSL_CERT_FILE)."
            )
        what = str(error) or type(error).__name__
        return RegistryUnreachable(
            f"No answer from {asked} ({what}). Check that it is running and that the URL is right."
        )


def _accepting(call: Call[Any]) -> dict[str, str]:
    if call.silence is not None:
        # Compressed, events would be kept back until there are many.
        return {"Accept": EVENT_STREAM, "Accept-Encoding": "identity"}
    if call.answer is bytes:
        # Compressed bytes have neither the length nor the offsets of the file.
        return {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
    return {}


def refusal(response: httpx.Response) -> RegistryError:
    """The exception of a response that isn't a success, by the problem's code."""

    problem = _problem(response)
    if problem is None:
        return _foreign(response)
    kind = error_classes().get(problem.code, RegistryError)
    error = kind(problem.detail or problem.title or f"The registry answered {response.status_code}.")
    error.details = dict(problem.details)
    if kind is RegistryError:
        error.details.setdefault("code", problem.code)
    if problem.request_id is not None:
        error.add_note(f"request id: {problem.request_id}")
    return error


def _store_at(url: str) -> str:
    """Without what the URL says besides the host: it is a permission."""
    parts = httpx.URL(url)
    return f"the object store at {parts.scheme}://{parts.netloc.decode()}"


def _store_refusal(response: httpx.Response, store: str, *, may_repeat: bool) -> RegistryError:
    """`may_repeat`: the next try asks the registry for a new address first."""
    status = response.status_code
    if status in _BUSY or status >= 500:
        return RegistryUnreachable(f"No use of {store}: it answered {status}. Try again later.")
    kind = RegistryUnreachable if may_repeat else UnexpectedAnswer
    return kind(
        f"The registry gave an address at {store} that doesn't work: {status}. Try again; if it stays so, the operator"
        " should look at the clocks of both and at MODEL_REGISTRY_S3_PUBLIC_ENDPOINT."
    )


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks to wait (RFC 9110, 10.2.3: seconds or a date); 0 without one."""

    if value is None:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def _problem(response: httpx.Response) -> Problem | None:
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return None
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except UNDECODABLE:
        return None


def _foreign(response: httpx.Response) -> RegistryError:
    """Something other than a registry answered: a proxy, a login page, another service."""

    status, kind = response.status_code, response.headers.get("Content-Type", "no content type").partition(";")[0]
    if status in _BUSY:
        return RegistryUnreachable(
            f"What stands before the registry at {response.url.host} answered {status}. Try again later."
        )
    location = response.headers.get("Location", "").partition("?")[0]
    hint = f" It leads to {location}." if location else ""
    return UnexpectedAnswer(f"{response.url} answered {status} ({kind}), not as a registry does.{hint} Check the URL.")


def _checked_key(key: str | None) -> str:
    if key is None:
        return secrets.token_urlsafe(18)
    if not 1 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
        raise InvalidInput("An idempotency key has 1 to 200 printable ASCII characters.", field="Idempotency-Key")
    return key


def _certificate_fault(error: BaseException | None) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
