"""What can go wrong on this side of the wire, beside the refusals that the registry answers with."""

from __future__ import annotations

from registry_service.domain.errors import InvalidInput, RegistryError, Unavailable


class RegistryUnreachable(Unavailable):
    """No answer of a registry came: it is down, or the network, a proxy or a certificate is in the way. What was
    asked for may or may not have happened; the same idempotency key makes asking again safe."""

    code = "registry_unreachable"


class NotConfigured(InvalidInput):
    """Neither the arguments, nor the environment, nor a credentials file says which registry and which token."""

    code = "not_configured"


class UnexpectedAnswer(RegistryError):
    """Something answered, in a way that this client doesn't understand: no registry, or one of another age."""

    code = "unexpected_answer"


class StreamSilent(RegistryUnreachable):
    """A stream of events brought nothing for longer than the service lets pass: something on the way keeps it back, or
    is gone."""

    code = "stream_silent"
