from __future__ import annotations

import itertools
import runpy
from pathlib import Path

import pytest

from registry_service.domain import diagram
from registry_service.domain.diagram import mermaid
from registry_service.domain.errors import IllegalMove, PromotionFinal
from registry_service.domain.promotions import OPEN_PHASES, TABLE, Move, Phase, move

# Written out a second time on purpose: whoever changes the table says so twice.
EXPECTED = {
    ("PENDING", "approve"): "APPROVED",
    ("PENDING", "reject"): "REJECTED",
    ("PENDING", "cancel"): "CANCELLED",
    ("PENDING", "expire"): "EXPIRED",
    ("PENDING", "stale"): "STALE",
    ("PENDING", "supersede"): "SUPERSEDED",
    ("APPROVED", "unapprove"): "PENDING",
    ("APPROVED", "lease"): "APPLYING",
    ("APPROVED", "apply"): "APPLIED",
    ("APPROVED", "reject"): "REJECTED",
    ("APPROVED", "cancel"): "CANCELLED",
    ("APPROVED", "expire"): "EXPIRED",
    ("APPROVED", "stale"): "STALE",
    ("APPROVED", "supersede"): "SUPERSEDED",
    ("APPLYING", "unapprove"): "PENDING",
    ("APPLYING", "release"): "APPROVED",
    ("APPLYING", "apply"): "APPLIED",
    ("APPLYING", "fail"): "FAILED",
    ("APPLYING", "reject"): "REJECTED",
    ("APPLYING", "cancel"): "CANCELLED",
    ("APPLYING", "stale"): "STALE",
}


@pytest.mark.parametrize(("phase", "by"), list(itertools.product(Phase, Move)))
def test_every_phase_answers_every_move_as_the_table_says(phase: Phase, by: Move) -> None:
    target = EXPECTED.get((phase.value, by.value))
    if target is not None:
        assert move(phase, by) is Phase(target)
        return
    with pytest.raises(PromotionFinal if phase.is_final else IllegalMove) as refusal:
        move(phase, by)
    assert refusal.type is (PromotionFinal if phase.is_final else IllegalMove)
    assert refusal.value.details == {"phase": phase, "move": by}


def test_final_phases_are_those_without_a_row() -> None:
    assert {phase for phase in Phase if phase.is_final} == {
        Phase.APPLIED,
        Phase.FAILED,
        Phase.REJECTED,
        Phase.CANCELLED,
        Phase.EXPIRED,
        Phase.STALE,
        Phase.SUPERSEDED,
    }
    assert set(OPEN_PHASES) == {phase for phase in Phase if not phase.is_final}


def test_every_phase_is_reached_and_every_move_is_used() -> None:
    assert {target for moves in TABLE.values() for target in moves.values()} == set(Phase)
    assert {by for moves in TABLE.values() for by in moves} == set(Move)


def test_the_picture_in_the_docs_is_made_from_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "promotions.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{mermaid()}```" in page


def test_the_picture_shows_each_transition_once() -> None:
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    arrows = [line.strip() for line in lines if " --> " in line and "[*]" not in line]
    assert sorted(arrows) == sorted(f"{phase} --> {target}: {by}" for (phase, by), target in EXPECTED.items())


def test_the_picture_is_printed_by_the_module_itself(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(Path(diagram.__file__)), run_name="__main__")
    assert capsys.readouterr().out == mermaid()
