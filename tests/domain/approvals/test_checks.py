from __future__ import annotations

from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import CheckStatus
from registry_service.domain.metadata import Metadata
from registry_service.domain.policies import RequiredCheck
from tests.domain.approvals.judged import EVALUATED, codes, demanding, message
from tests.domain.facts import HOUR, NOW, OTHER_DIGEST, changed, check, facts, version


def test_a_missing_check_waits() -> None:
    decision = decide(facts(EVALUATED), NOW)
    assert decision.outcome is Outcome.WAITING
    assert [(reason.code, reason.check) for reason in decision.reasons] == [("check_missing", "evaluation")]
    assert decision.reasons[0].message == "The check 'evaluation' has yet to be reported for version 3."


def test_a_passed_check_satisfies_and_names_its_reporter() -> None:
    decision = decide(facts(EVALUATED, checks=[check()]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert [(r.code, r.check, r.people) for r in decision.satisfied if r.check] == [
        ("check_passed", "evaluation", ("airflow",))
    ]


def test_a_failed_check_blocks_and_says_what_was_found() -> None:
    decision = decide(facts(EVALUATED, checks=[check(status=CheckStatus.FAILED, summary="auc is 0.4")]), NOW)
    assert decision.outcome is Outcome.BLOCKED
    assert "failed, says airflow: auc is 0.4. It must" in decision.reasons[0].message
    assert "failed, says airflow. It must" in message(
        facts(EVALUATED, checks=[check(status=CheckStatus.FAILED)]), "check_failed"
    )


def test_the_latest_report_counts_in_whatever_order_they_come_and_whatever_the_clock_said() -> None:
    failed = check(status=CheckStatus.FAILED, id=1, reported_at=NOW - HOUR)
    passed = check(id=2, reported_at=NOW - 2 * HOUR)  # the clock was set back
    for checks in ([failed, passed], [passed, failed]):
        assert decide(facts(EVALUATED, checks=checks), NOW).outcome is Outcome.APPLICABLE
    again = check(status=CheckStatus.FAILED, id=3, reported_at=NOW - 3 * HOUR)
    for checks in ([again, failed, passed], [passed, again, failed]):
        assert decide(facts(EVALUATED, checks=checks), NOW).outcome is Outcome.BLOCKED


def test_only_reports_of_those_whom_the_policy_listens_to_count() -> None:
    heard = demanding(checks=(RequiredCheck(name="evaluation", reported_by=("airflow", "ci")),))
    assert decide(facts(heard, checks=[check()]), NOW).outcome is Outcome.APPLICABLE
    judged = facts(heard, checks=[check(reported_by="laptop")])
    assert message(judged, "check_missing").startswith(
        "The check 'evaluation' has yet to be reported by airflow or ci for"
    )
    later = check(status=CheckStatus.FAILED, reported_by="laptop", reported_at=NOW, id=2)
    assert decide(facts(heard, checks=[check(), later]), NOW).outcome is Outcome.APPLICABLE


def test_where_a_service_is_to_report_no_person_can() -> None:
    heard = demanding(checks=(RequiredCheck(name="evaluation", by_service=True),))
    by_hand = check(reported_by="ann", by_service=False)
    assert message(facts(heard, checks=[by_hand]), "check_missing").startswith(
        "The check 'evaluation' has yet to be reported by a service, which no person is, for"
    )
    assert decide(facts(heard, checks=[check()]), NOW).outcome is Outcome.APPLICABLE
    mended = [check(status=CheckStatus.FAILED), changed(by_hand, id=2, reported_at=NOW)]
    assert codes(decide(facts(heard, checks=mended), NOW)) == ["check_failed"]
    named = demanding(checks=(RequiredCheck(name="evaluation", by_service=True, reported_by=("ann", "ci")),))
    assert codes(decide(facts(named, checks=[check(), by_hand]), NOW)) == ["check_missing"]


def test_a_report_on_other_content_or_of_another_name_does_not_count() -> None:
    for wrong in (check(digest=OTHER_DIGEST), check("scan")):
        assert codes(decide(facts(EVALUATED, checks=[wrong]), NOW)) == ["check_missing"]


def test_a_check_may_be_asked_for_under_a_condition_only() -> None:
    gpu = demanding(checks=(RequiredCheck(name="latency", when="target_device = 'gpu'"),))
    for device, asked in (("gpu", True), ("cpu", False), (None, True)):
        judged = facts(gpu, of=version(metadata=Metadata(target_device=device)))
        assert (codes(decide(judged, NOW)) == ["check_missing"]) is asked
