from __future__ import annotations

import pytest

from registry_service.domain.following import Concern, Follower

FOLLOWER = Follower(owned={"id1"}, patterns=["fraud", "team-?.*"], mentioned_in={"comment1"})


@pytest.mark.parametrize(
    ("model_id", "model_name", "subject", "concerns"),
    [
        ("id1", "churn", "7", [Concern.OWNER]),
        ("id2", "fraud", "7", [Concern.SUBSCRIBED]),
        ("id2", "team-a.churn", "7", [Concern.SUBSCRIBED]),
        ("id2", "Fraud", "7", []),
        ("id2", "fraud-2", None, []),
        ("id2", "churn", "comment1", [Concern.MENTIONED]),
        ("id1", "fraud", "comment1", [Concern.OWNER, Concern.MENTIONED, Concern.SUBSCRIBED]),
        (None, None, None, []),
        (None, None, "ada", []),
    ],
)
def test_it_concerns_whoever_owns_is_mentioned_or_subscribed(
    model_id: str | None, model_name: str | None, subject: str | None, concerns: list[Concern]
) -> None:
    assert FOLLOWER.concerns(model_id=model_id, model_name=model_name, subject=subject) == concerns


def test_nothing_concerns_who_follows_nothing() -> None:
    assert Follower().concerns(model_id="id1", model_name="fraud", subject="comment1") == []
