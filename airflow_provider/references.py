"""What tasks hand to each other: plain dictionaries, so that they pass through XCom, templates and any backend.

    a version     {"model_name", "version", "digest", "url"}
    a promotion   {"promotion", "model_name", "version", "digest", "stage", "url"}

A promotion's dictionary is a version's too: an operator that takes a version takes it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

from airflow_provider.exceptions import ModelRegistryRefused
from registry_service.client import ModelVersion, Promotion


class VersionReference(TypedDict):
    """A version, fixed by number and content digest. `url` is its page."""

    model_name: str
    version: int
    digest: str
    url: str


class PromotionReference(TypedDict):
    """A promotion and what it is about."""

    promotion: str
    model_name: str
    version: int
    digest: str
    stage: str
    url: str


def version_reference(version: ModelVersion) -> VersionReference:
    return VersionReference(
        model_name=version.model_name, version=version.number, digest=version.digest, url=version.url
    )


def promotion_reference(promotion: Promotion) -> PromotionReference:
    return PromotionReference(
        promotion=promotion.id,
        model_name=promotion.model_name,
        version=promotion.version,
        digest=promotion.digest,
        stage=promotion.stage,
        url=promotion.url,
    )


@dataclass(frozen=True)
class Selection:
    """A model and the selector of one of its versions. `digest` is what the version has to have, and `url` its page,
    where they are known."""

    model_name: str
    selector: str
    digest: str | None = None
    url: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether it can't mean another version tomorrow."""
        return self.digest is not None


VERSION_FORMS: Final = (
    "'model/7', 'model/latest', 'model@production', 'model/sha256:…', or what a registering task returned"
)


def selection(value: object) -> Selection:
    """Read what a task was given as a version.

    :raises ModelRegistryRefused: it names no version, for instance because the task upstream returned nothing.
    """
    value = _from_json(value)
    if isinstance(value, Mapping) and isinstance(value.get("model_name"), str) and "version" in value:
        digest, url = value.get("digest"), value.get("url")
        return Selection(
            value["model_name"], str(value["version"]), str(digest) if digest else None, str(url) if url else ""
        )
    if isinstance(value, str):
        model_name, at, pointer = value.partition("@")
        if at and model_name and pointer:
            return Selection(model_name.strip(), f"@{pointer}")
        model_name, slash, selector = value.rpartition("/")
        if slash and model_name and selector:
            return Selection(model_name, selector, selector if selector.startswith("sha256:") else None)
    raise ModelRegistryRefused(f"No version is named by {value!r}. Give {VERSION_FORMS}.")


def promotion_id(value: object) -> str | None:
    """Read what a task was given as a promotion: its id, or what a task returned. None where there is none, as when
    the task upstream never came to return one.

    :raises ModelRegistryRefused: it is something else.
    """
    value = _from_json(value)
    if value is None or value in ("", "None"):
        return None
    if isinstance(value, Mapping) and isinstance(value.get("promotion"), str):
        return str(value["promotion"])
    if isinstance(value, str):
        return value
    raise ModelRegistryRefused(
        f"No promotion is named by {value!r}. Give the id of one, or what ModelApprovedSensor, PromoteModelOperator "
        "or deployment(…).promotion returned."
    )


def _from_json(value: object) -> object:
    """A template may have rendered a dictionary into JSON."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
