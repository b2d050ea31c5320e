from __future__ import annotations

from registry_service.domain.approvals import decide, next_move
from registry_service.domain.decisions import Outcome
from registry_service.domain.metadata import Metadata
from registry_service.domain.policies import Prerequisite
from tests.domain.approvals.judged import demanding, message
from tests.domain.facts import NOW, facts, version

SOAKED = demanding(prerequisites=(Prerequisite(stage="staging", seconds=3600),))


def test_a_version_must_have_been_in_another_stage() -> None:
    decision = decide(facts(SOAKED), NOW)
    assert decision.outcome is Outcome.BLOCKED
    assert decision.reasons[0].message == "It must be current in 'staging' for 1 h. Promote it there first."


def test_while_it_is_there_only_time_is_missing() -> None:
    decision = decide(facts(SOAKED, of=version(current_in={"staging": 1800.5}, stages=("staging",))), NOW)
    assert decision.outcome is Outcome.WAITING
    assert decision.reasons[0].message == "It must be current in 'staging' for 1 h; 30 min are left."


def test_long_enough_is_enough_also_after_it_left() -> None:
    for stages in ((), ("staging",)):
        judged = facts(SOAKED, of=version(current_in={"staging": 3600.0}, stages=stages))
        assert decide(judged, NOW).outcome is Outcome.APPLICABLE


def test_a_prerequisite_without_a_time_asks_that_it_was_there_at_all() -> None:
    was_there = demanding(prerequisites=(Prerequisite(stage="staging"),))
    assert "current in 'staging' before. Promote" in message(facts(was_there), "prerequisite_not_met")
    assert decide(facts(was_there, of=version(stages=("staging",))), NOW).outcome is Outcome.APPLICABLE
    assert decide(facts(was_there, of=version(current_in={"staging": 0.0})), NOW).outcome is Outcome.APPLICABLE


def test_a_format_that_is_not_allowed_never_will_be() -> None:
    onnx = demanding(formats=("onnx", "openvino"))
    assert decide(facts(onnx), NOW).outcome is Outcome.APPLICABLE
    for metadata, brought in ((Metadata(format="pickle"), "pickle"), (Metadata(), "not known")):
        judged = facts(onnx, of=version(metadata=metadata))
        assert decide(judged, NOW).outcome is Outcome.CLOSED
        assert f"This version's is {brought}." in message(judged, "format_not_allowed")
        assert next_move(judged, NOW) is None
