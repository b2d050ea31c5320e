"""What makes something answers 202, of which the description says nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from registry_service.web import answers, caller
from tests.campaign.mutants import put


def plant() -> None:
    answer = answers.written

    def accepted(answered: Any, *, made: bool = False) -> Any:
        response = answer(answered, made=made)
        if response.status_code == HTTPStatus.CREATED:
            response.status_code = HTTPStatus.ACCEPTED
        return response

    put(caller, "written", accepted)
