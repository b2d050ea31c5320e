"""What was APPROVED once may be applied, whatever the facts say by now."""

from __future__ import annotations

from typing import Any

from registry_service.services import promotions


def plant() -> None:
    def trusting(_work: Any, _model: Any, row: Any, _holder: str | None) -> Any:
        return row

    promotions._judged = trusting  # type: ignore[assignment]  # a bug, on purpose
