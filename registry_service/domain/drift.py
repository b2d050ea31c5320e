"""When a target serves what it has no leave for: one rule, for now and for any time."""

from __future__ import annotations

from enum import Enum, auto


class Leave(Enum):
    """By what a deployment that stands may serve its content."""

    OPEN = auto()
    """By a promotion that goes on."""
    LOST = auto()
    """By a promotion that ended without being applied."""
    STAGE = auto()
    """By its stage: what is current there."""
    NONE_NEEDED = auto()
    """It is for no stage, or has ended."""


def leave_of(*, stage: str | None, promotion: str | None, applied: bool | None) -> Leave:
    """What gives leave to a deployment that stands.

    :param stage: the one that it is for
    :param promotion: the one under which it began
    :param applied: how that promotion ended: by being applied or otherwise; None: it goes on
    """

    if promotion is not None and applied is not True:
        return Leave.OPEN if applied is None else Leave.LOST
    return Leave.NONE_NEEDED if stage is None else Leave.STAGE


def is_drifted(authorised: str, observed: str | None, *, leave: Leave, current: str | None, revoked: bool) -> bool:
    """Whether a target that was last seen to serve the content `observed` (None: nothing, or it wasn't seen) serves
    what it has no leave for.

    :param current: the content that is current in the stage; None: it is vacant, or there is none
    :param revoked: the authorised content is revoked, and the deployment stands
    """

    if observed is None:
        return False
    if observed != authorised or revoked:
        return True
    return leave is Leave.LOST or (leave is Leave.STAGE and current != authorised)
