from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Comment, Page
from registry_service.domain.requests import WriteComment


def list_model_comments(model: str, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
    """Those on the model itself, the oldest first."""
    return read(Page[Comment], "models", model, "comments", **paging)


def comment_on_model(model: str, body: WriteComment, *, idempotency_key: str | None = None) -> Call[Comment]:
    return write("POST", Comment, "models", model, "comments", body=body, key=idempotency_key)


def list_version_comments(model: str, selector: str | int, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
    """Those on the version, the oldest first."""
    return read(Page[Comment], "models", model, "versions", selector, "comments", **paging)


def comment_on_version(
    model: str, selector: str | int, body: WriteComment, *, idempotency_key: str | None = None
) -> Call[Comment]:
    return write("POST", Comment, "models", model, "versions", selector, "comments", body=body, key=idempotency_key)


def list_promotion_comments(promotion: str, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
    """Those on the promotion, the oldest first."""
    return read(Page[Comment], "promotions", promotion, "comments", **paging)


def comment_on_promotion(promotion: str, body: WriteComment, *, idempotency_key: str | None = None) -> Call[Comment]:
    return write("POST", Comment, "promotions", promotion, "comments", body=body, key=idempotency_key)


def get_comment(comment: str) -> Call[Comment]:
    return read(Comment, "comments", comment)


def edit_comment(
    comment: str, body: WriteComment, *, revision: int | None = None, idempotency_key: str | None = None
) -> Call[Comment]:
    """Write one's own comment anew. With `revision`, only if it hasn't changed since."""
    return write("PATCH", Comment, "comments", comment, body=body, revision=revision, key=idempotency_key)


def remove_comment(comment: str, *, idempotency_key: str | None = None) -> Call[Comment]:
    """Take one's own comment back; its place stays, without the text."""
    return write("DELETE", Comment, "comments", comment, key=idempotency_key)
