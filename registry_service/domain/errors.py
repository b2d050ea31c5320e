"""Every refusal of the registry, as one tree.

A refusal is a value: a class with a stable `code`, a message that says what is wrong and what to do next, and
`details` for programs. The service turns the tree into problem documents (RFC 9457) by one table, the client turns
`code` back into the same class, so that a DAG, a script and the service speak of the same thing by the same name.

    RegistryError
    ├── InvalidInput          the request can't be understood or is out of bounds
    ├── NotAuthenticated      nobody, or nobody known, asks
    ├── NotPermitted          somebody known asks for what is not theirs to do
    ├── NotFound              it isn't there, or the caller may not know that it is
    ├── Conflict              understood, permitted, and at odds with the present state
    ├── Precondition          the caller's picture of the state is missing or out of date
    └── Unavailable           try again later; nothing was changed
"""

from __future__ import annotations

from typing import Any, ClassVar


class RegistryError(Exception):
    """A refusal with a stable code. `retryable` says that the same request may succeed later without a change."""

    code: ClassVar[str] = "registry_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details


# ------------------------------------------------------------------------------------------------- invalid input


class InvalidInput(RegistryError):
    code = "invalid_input"


class InvalidName(InvalidInput):
    code = "invalid_name"


class InvalidPath(InvalidInput):
    code = "invalid_path"


class InvalidDigest(InvalidInput):
    code = "invalid_digest"


class InvalidManifest(InvalidInput):
    code = "invalid_manifest"


class InvalidMetadata(InvalidInput):
    """Metadata that has no canonical form (NaN, infinities, integers beyond 2^53) or a value of the wrong type."""

    code = "invalid_metadata"


class MetadataRequired(InvalidInput):
    """The model demands metadata fields that the version doesn't bring."""

    code = "metadata_required"


class InvalidSelector(InvalidInput):
    code = "invalid_selector"


class InvalidFilter(InvalidInput):
    """A filter or condition that can't be parsed; `details["column"]` counts from 1."""

    code = "invalid_filter"


class InvalidCard(InvalidInput):
    """A model card that is empty, or whose front matter can't be read; `details["line"]` counts from 1."""

    code = "invalid_card"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class InvalidPolicy(InvalidInput):
    code = "invalid_policy"


class InvalidRule(InvalidInput):
    """A retention rule that can't be kept; `details["faults"]` says why."""

    code = "invalid_rule"


class InvalidRange(InvalidInput):
    code = "invalid_range"


class DigestMismatch(InvalidInput):
    """The bytes received don't have the digest that was announced; nothing was kept."""

    code = "digest_mismatch"


class SizeMismatch(InvalidInput):
    """Fewer or more bytes came than were announced; nothing was kept."""

    code = "size_mismatch"


class TooLarge(InvalidInput):
    code = "too_large"


class InvalidArchive(InvalidInput):
    """A file isn't a whole and unaltered archive of a version; `details["fault"]` says in what way."""

    code = "invalid_archive"


class CommentRequired(InvalidInput):
    code = "comment_required"


# -------------------------------------------------------------------------------------------------- who and what


class NotAuthenticated(RegistryError):
    code = "not_authenticated"


class NotPermitted(RegistryError):
    code = "not_permitted"


class PersonRequired(NotPermitted):
    """A service token never stands for a person: reviews, policies and grants are for people."""

    code = "person_required"


class SelfApproval(NotPermitted):
    """The reviewer registered, requested or owns what they would approve, and no policy waives that."""

    code = "self_approval"


class NotLeaseHolder(NotPermitted):
    code = "not_lease_holder"


# ---------------------------------------------------------------------------------------------------- not there


class NotFound(RegistryError):
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class ModelRenamed(ModelNotFound):
    """The model has another name now; `details["renamed_to"]` says which."""

    code = "model_renamed"


class VersionNotFound(NotFound):
    code = "version_not_found"


class VersionDeleted(VersionNotFound):
    """There was one, and it was deleted; `details["restorable"]` says whether it may still come back."""

    code = "version_deleted"


class FileNotInVersion(NotFound):
    code = "file_not_found"


class AliasNotFound(NotFound):
    code = "alias_not_found"


class StageNotFound(NotFound):
    code = "stage_not_found"


class StageVacant(NotFound):
    """The stage exists and nothing is current in it."""

    code = "stage_vacant"


class PromotionNotFound(NotFound):
    code = "promotion_not_found"


class PolicyNotFound(NotFound):
    code = "policy_not_found"


class RuleNotFound(NotFound):
    code = "rule_not_found"


class PreviewNotFound(NotFound):
    code = "preview_not_found"


class UploadNotFound(NotFound):
    code = "upload_not_found"


class PrincipalNotFound(NotFound):
    code = "principal_not_found"


class GroupNotFound(NotFound):
    code = "group_not_found"


class TokenNotFound(NotFound):
    code = "token_not_found"


class DeploymentNotFound(NotFound):
    code = "deployment_not_found"


class CardNotFound(NotFound):
    """The model has no card, or its card never had a text of this digest."""

    code = "card_not_found"


class AttachmentNotFound(NotFound):
    """The version has no such check, or its report brought no such file."""

    code = "attachment_not_found"


class CommentNotFound(NotFound):
    code = "comment_not_found"


class SubscriptionNotFound(NotFound):
    code = "subscription_not_found"


class DelegationNotFound(NotFound):
    code = "delegation_not_found"


class ConsumerNotFound(NotFound):
    code = "consumer_not_found"


class ArtifactMissing(NotFound):
    """The store lacks bytes that a manifest names: damage, not a wrong request."""

    code = "artifact_missing"


# ------------------------------------------------------------------------------------------------------ conflict


class Conflict(RegistryError):
    code = "conflict"


class AlreadyExists(Conflict):
    code = "already_exists"


class NameClash(Conflict):
    """The name differs from an existing one only by case."""

    code = "name_clash"


class NameReserved(Conflict):
    """The name belongs to a deleted or renamed model; an admin may release it, or restore the deleted one."""

    code = "name_reserved"


class PoliciesDropped(Conflict):
    """Under its new name, policies would no longer hold for the model; `details["policies"]` names them."""

    code = "policies_dropped"


class PoliciesGained(Conflict):
    """Under its new name, policies would hold by which its versions in use were never judged; `details["policies"]`
    names them, and `details["versions"]` those, by stage."""

    code = "policies_gained"


class InUse(Conflict):
    """Something still points here; `details["used_by"]` names it."""

    code = "in_use"


class DelegationOverlaps(Conflict):
    """Nobody has two people stand in for them at once: each of their places is one."""

    code = "delegation_overlaps"


class PreviewOutdated(Conflict):
    """Too much may have changed since the preview was made; nothing more is deleted by it."""

    code = "preview_outdated"


class LineageCycle(Conflict):
    """A version can't come from itself, nor from what was made of it."""

    code = "lineage_cycle"


class AmbiguousDigest(Conflict):
    code = "ambiguous_digest"


class UploadIncomplete(Conflict):
    """The manifest names digests whose bytes have not arrived in this upload; `details["missing"]` lists them."""

    code = "upload_incomplete"


class UploadClosed(Conflict):
    code = "upload_closed"


class TooManyUploads(Conflict):
    """The caller has as many open uploads as one may have. It passes when some of them end, which is the caller's own
    doing, or a day after they last moved."""

    code = "too_many_uploads"
    retryable = True


class TooManyStreams(Conflict):
    """As many event streams are open as the caller, or the service, may have. It passes when some of them end;
    meanwhile a long poll tells the same."""

    code = "too_many_streams"
    retryable = True


class OffsetMismatch(Conflict):
    """Bytes don't continue what is kept of their file; `details["kept"]` says where they would, where it is known."""

    code = "offset_mismatch"


class VersionRevoked(Conflict):
    code = "version_revoked"


class IllegalMove(Conflict):
    """The promotion's phase doesn't allow this move."""

    code = "illegal_move"


class PromotionFinal(IllegalMove):
    """The promotion has reached a final phase and never moves again."""

    code = "promotion_final"


class NotApproved(Conflict):
    """Judged again at the moment of lease or apply, the promotion may not go ahead; `details["decision"]` says why."""

    code = "not_approved"


class LeaseHeld(Conflict):
    """Another run is deploying to this stage."""

    code = "lease_held"
    retryable = True


class StageHeld(Conflict):
    code = "stage_held"


class NothingToRollBack(Conflict):
    """What was to be undone is no longer current: it was undone already, or something newer is live."""

    code = "nothing_to_roll_back"


class NoRollbackTarget(Conflict):
    """No earlier version of the stage is still good; the stage may be vacated instead."""

    code = "no_rollback_target"


class OlderThanCurrent(Conflict):
    """An older version after a newer one was applied: only a rollback goes back."""

    code = "older_than_current"


class StageProtected(Conflict):
    """A stage moves through promotions only; aliases can't touch it."""

    code = "stage_protected"


class CursorFromOtherEpoch(Conflict):
    """The event log was reset or restored since this cursor was made: read again from the start."""

    code = "cursor_from_other_epoch"


class IdempotencyKeyReused(Conflict):
    """The key was used before with another request."""

    code = "idempotency_key_reused"


# -------------------------------------------------------------------------------------------------- precondition


class Precondition(RegistryError):
    code = "precondition"


class RevisionMismatch(Precondition):
    """`If-Match` names a revision that is no longer the present one."""

    code = "revision_mismatch"


class RevisionRequired(Precondition):
    """This change may only be made by someone who says which revision they saw (`If-Match`)."""

    code = "revision_required"


# --------------------------------------------------------------------------------------------------- unavailable


class Unavailable(RegistryError):
    code = "unavailable"
    retryable = True


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


class StorageUnavailable(Unavailable):
    code = "storage_unavailable"


class StorageFull(Unavailable):
    """No space left; nothing was kept. Retrying helps once an operator has made room."""

    code = "storage_full"


class Overloaded(Unavailable):
    code = "overloaded"


class BeingCollected(Unavailable):
    """These bytes are just being taken out of the store: sent again in a moment, they are kept."""

    code = "being_collected"


def error_classes() -> dict[str, type[RegistryError]]:
    """All classes of the tree by their code. Codes are unique; a test holds that."""

    found: dict[str, type[RegistryError]] = {}
    waiting: list[type[RegistryError]] = [RegistryError]
    while waiting:
        cls = waiting.pop()
        found[cls.code] = cls
        waiting.extend(cls.__subclasses__())
    return found
