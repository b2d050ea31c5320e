"""A refusal has a code that no table knows, so that no client can turn it back into a class."""

from __future__ import annotations

from registry_service.domain.errors import ModelNotFound
from tests.campaign.mutants import put


def plant() -> None:
    put(ModelNotFound, "code", "no_such_model")
