"""Named places at which a fault campaign stops, delays or kills the service.

`reach(name)` does nothing unless a watcher is set, which only the campaign's server does (`tests/campaign`): the
service itself has no way to set one, by request, setting or environment. A name says what has just been done, or with
`before_` what comes next; in a transaction nothing of it is committed until `writer.committed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POINTS: Final = frozenset(
    {
        # A start: schema, principals, token files.
        "migration.begun",
        "migration.written",
        "migration.committed",
        "first_run.named",
        "first_run.policies_written",
        "first_run.before_token_file",
        "first_run.token_file_written",
        # Bytes on their way into the store.
        "upload.session_written",
        "upload.begun",
        "upload.bytes_written",
        "upload.before_sync",
        "upload.synced",
        "upload.renamed",
        "upload.directory_synced",
        "upload.received",
        "upload.before_row",
        "upload.row_written",
        # Likewise, of a file that comes in several bodies.
        "piece.begun",
        "piece.bytes_written",
        "piece.synced",
        "piece.verified",
        "piece.renamed",
        "piece.directory_synced",
        "piece.noted",
        "piece.before_settle",
        # Use cases, inside their transaction.
        "model.written",
        "register.begun",
        "register.bytes_checked",
        "register.numbered",
        "register.row_written",
        "register.files_written",
        "register.recorded",
        "register.aliases_moved",
        "alias.recorded",
        "alias.moved",
        "check.written",
        "check.judged",
        "request.checked",
        "request.written",
        "request.judged",
        "review.checked",
        "review.written",
        "review.judged",
        "lease.judged",
        "lease.taken",
        "lease.released",
        "apply.judged",
        "apply.promotion_moved",
        "stage.recorded",
        "stage.moved",
        "stage.history_written",
        "apply.done",
        "rollback.planned",
        "rollback.requested",
        "rollback.failure_marked",
        "rollback.applied",
        "hold.recorded",
        "hold.written",
        "hold.ended",
        "revoke.written",
        "revoke.promotions_closed",
        "deployment.started",
        "deployment.observed",
        "lineage.written",
        "policy.proposed",
        "policy.written",
        "policy.in_force",
        "policy.withdrawn",
        "token.written",
        "token.revoked",
        "session.link_used",
        "consumer.moved",
        # Artifacts that nobody needs, and damaged ones.
        "gc.adopted",
        "gc.condemned",
        "gc.before_removal",
        "gc.removed",
        "gc.forgotten",
        "gc.leftovers_discarded",
        "scrub.marked",
        "scrub.set_aside",
        "scrub.healed",
        "sweeper.begun",
        "sweeper.done",
        # The end of every transaction.
        "idempotency.recalled",
        "idempotency.before_answer",
        "idempotency.answer_stored",
        "events.numbered",
        "events.appended",
        "writer.begun",
        "writer.command_done",
        "writer.before_commit",
        "writer.committed",
        "writer.answered",
    }
)

Watcher = Callable[[str], None]

_watcher: Watcher | None = None


def reach(point: str) -> None:
    """Say that the code has come to `point`, one of POINTS."""

    if _watcher is not None:
        _watcher(point)


def watch(watcher: Watcher | None) -> None:
    """Let `watcher` be called with the name of each point, by the thread that reaches it; None: nobody. It may raise,
    block, or never return."""

    global _watcher  # noqa: PLW0603 - one process, one watcher; anything finer would cost the code that is watched
    _watcher = watcher
