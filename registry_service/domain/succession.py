"""What a newer request means for older ones to the same stage. Newer is the version with the higher number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry_service.domain.facts import OpenRequest
from registry_service.domain.policies import OnNewer, PolicyDocument
from registry_service.domain.policy_sets import terms
from registry_service.domain.promotions import TABLE, Move


def superseded_by(
    new: OpenRequest, others: Iterable[OpenRequest], policies: Sequence[PolicyDocument]
) -> tuple[str, ...]:
    """The ids of the open requests that the new one takes the place of, under the policies that it is judged by.

    Only unreviewed ones go: a nightly retraining must not starve a quorum of two people. One that is being deployed
    stays until its run is through.
    """

    if terms(policies).on_newer is not OnNewer.SUPERSEDE_UNREVIEWED:
        return ()
    return tuple(
        other.id
        for other in others
        if other.version < new.version and not other.reviewed and Move.SUPERSEDE in TABLE.get(other.phase, ())
    )


def queued_behind(
    request: OpenRequest, others: Iterable[OpenRequest], policies: Sequence[PolicyDocument]
) -> OpenRequest | None:
    """The older request that must be settled first, where the policies keep a queue. Somebody who asks for an older
    version later doesn't jump it: both the version and the request are older."""

    if terms(policies).on_newer is not OnNewer.QUEUE:
        return None
    ahead = [
        other
        for other in others
        if other.version < request.version and _arrival(other) < _arrival(request) and other.phase in TABLE
    ]
    return min(ahead, key=_arrival, default=None)


def _arrival(request: OpenRequest) -> tuple[float, str]:
    return request.requested_at.timestamp(), request.id
