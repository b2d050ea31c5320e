"""When a target serves what it has no leave for: one rule, for now and for any time."""

from __future__ import annotations


def is_drifted(authorised: str, observed: str | None, *, applied: bool | None, current: str | None) -> bool:
    """Whether a target that was last seen to serve the content `observed` (None: nothing, or it wasn't seen) serves
    what it has no leave for.

    :param applied: how the promotion ended that gave leave to deploy: by being applied or otherwise; None where it goes
        on, where no promotion gave leave, and where the deployment has ended
    :param current: the content that is current in the stage
    """

    if observed is None:
        return False
    if observed != authorised:
        return True
    return applied is False or (applied is True and current != authorised)
