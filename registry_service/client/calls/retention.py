from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Fate, Page, PreviewedVersion, RetentionPreview, RetentionRule
from registry_service.domain.requests import StartPreview, WriteRetentionRule

# Steps end by themselves after some seconds; one model with very many versions takes longer.
STEP_SECONDS = 60.0


def list_retention_rules(**paging: Unpack[Paging]) -> Call[Page[RetentionRule]]:
    """The rules that hold."""
    return read(Page[RetentionRule], "retention", "rules", **paging)


def write_retention_rule(
    body: WriteRetentionRule, *, version: int | None = None, idempotency_key: str | None = None
) -> Call[RetentionRule]:
    """A new rule, or the version after `version` of an existing one."""
    return write("POST", RetentionRule, "retention", "rules", body=body, revision=version, key=idempotency_key)


def get_retention_rule(rule: str, *, version: int | None = None) -> Call[RetentionRule]:
    return read(RetentionRule, "retention", "rules", rule, version=version)


def end_retention_rule(rule: str, *, idempotency_key: str | None = None) -> Call[RetentionRule]:
    """Let a rule hold no longer."""
    return write("POST", RetentionRule, "retention", "rules", rule, "end", key=idempotency_key)


def list_previews(**paging: Unpack[Paging]) -> Call[Page[RetentionPreview]]:
    """Previews of what retention rules would let go, the newest first."""
    return read(Page[RetentionPreview], "retention", "previews", **paging)


def start_preview(body: StartPreview, *, idempotency_key: str | None = None) -> Call[RetentionPreview]:
    """Begin to find out what retention rules would let go."""
    return write("POST", RetentionPreview, "retention", "previews", body=body, key=idempotency_key)


def get_preview(preview: str) -> Call[RetentionPreview]:
    return read(RetentionPreview, "retention", "previews", preview)


def list_previewed_versions(
    preview: str, *, fate: Fate | None = None, **paging: Unpack[Paging]
) -> Call[Page[PreviewedVersion]]:
    """Which versions go, which stay, and why."""
    return read(Page[PreviewedVersion], "retention", "previews", preview, "versions", fate=fate, **paging)


def continue_preview(preview: str) -> Call[RetentionPreview]:
    """Judge the next models, until the phase is READY."""
    return _step(preview, "continue")


def apply_preview(preview: str) -> Call[RetentionPreview]:
    """Delete some of what the preview lets go and may still go, until the phase is APPLIED."""
    return _step(preview, "apply")


def _step(preview: str, step: str) -> Call[RetentionPreview]:
    call = write("POST", RetentionPreview, "retention", "previews", preview, step)
    return replace(call, patience=STEP_SECONDS)
