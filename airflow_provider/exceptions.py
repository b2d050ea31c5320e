"""What the provider's tasks fail with, and how a refusal of the registry becomes one of them.

Two questions matter to Airflow: may a retry help, and what does the person who reads the log do next. Control flow
goes by class and code, never by text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from registry_service.client import RegistryError, UnexpectedAnswer


class ModelRegistryException(AirflowException):
    """The task failed in a way that a retry may mend. `code` is the registry's, where it said one."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ModelRegistryRefused(AirflowFailException):
    """The registry said no for good: the same request would be refused again, so Airflow doesn't retry."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class GateClosed(ModelRegistryRefused):
    """A promotion that was waited for can't be applied any more: rejected, expired, stale, or a check failed."""


class CheckFailed(ModelRegistryRefused):
    """A check failed, and the task was asked to fail with it."""


class DriftError(ModelRegistryException):
    """A target serves something other than what the promotion authorises."""


class LeaseLost(ModelRegistryException):
    """The right to deploy ended while the deployment was under way."""


class CacheDamaged(ModelRegistryException):
    """A file in the local cache isn't what its digest says, and the registry can't be asked for it anew."""


def in_words(error: RegistryError) -> str:
    """The refusal with all its reasons, one per line: what somebody needs who only sees the task's log."""
    lines = [error.message]
    decision = error.details.get("decision")
    if isinstance(decision, dict):
        reasons = decision.get("reasons", ())
        said = [str(reason["message"]) for reason in reasons if isinstance(reason, dict) and "message" in reason]
        lines.extend(f"  - {message}" for message in said if message not in error.message)
    return "\n".join(lines) + f" [{error.code}]"


def is_passing(error: RegistryError) -> bool:
    """Whether waiting may help. A service that is away, broken or hidden behind a gateway's error page comes back; a
    refusal stays.
    """
    return error.retryable or type(error) in (RegistryError, UnexpectedAnswer)


def as_task_failure(error: RegistryError) -> ModelRegistryException | ModelRegistryRefused:
    if is_passing(error):
        return ModelRegistryException(in_words(error), error.code)
    return ModelRegistryRefused(in_words(error), error.code)


@contextmanager
def refusals_as_failures() -> Iterator[None]:
    """Let the block speak to the registry; what it refuses fails the task in Airflow's terms.

    :raises ModelRegistryException: not reachable, overloaded, the stage is leased by another run, or too many uploads
        are open; Airflow retries.
    :raises ModelRegistryRefused: a refusal that stays; Airflow doesn't retry.
    """
    try:
        yield
    except RegistryError as error:
        raise as_task_failure(error) from error
