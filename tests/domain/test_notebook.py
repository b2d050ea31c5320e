from __future__ import annotations

import inspect
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from registry_service.domain import entities
from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode
from registry_service.domain.entities import (
    Activity,
    Answer,
    Closure,
    Comment,
    Comparison,
    Event,
    FoundText,
    LineageGraph,
    LineageLink,
    LineageNode,
    LiveModel,
    ModelVersion,
    NodeKind,
    Page,
    Promotion,
    RegisteredModel,
    RevokedVersion,
    VersionProvenance,
    VersionStatus,
)
from registry_service.domain.notebook import MAX_ROWS, MAX_TEXT, html_facts, html_rows, text_of
from tests.samples import sample

HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(1)">' \u202egnp.exe\x1b[2J"""
INERT = {"table", "caption", "tr", "th", "td", "b", "p", "span"}
SHOWN = [RegisteredModel, ModelVersion, RevokedVersion, Promotion, Comparison, LineageGraph]
LISTS = [RegisteredModel, ModelVersion, Promotion, Comment, Activity, VersionProvenance, LiveModel, FoundText]


class Reading(HTMLParser):
    """What is in a page: elements with their attributes, and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[Any]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.elements.append((tag, attrs))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile(of: Any) -> Any:
    """A value of this type in which every text that somebody may have written is hostile."""

    def harmed(value: Any) -> Any:
        match value:
            case {"key": one, **others} if not others:
                return {HOSTILE: harmed(one)}  # an entry that somebody named
            case dict():
                return {name: harmed(one) for name, one in value.items()}
            case list():
                return [harmed(one) for one in value]
            case "text":
                return HOSTILE
            case _:
                return value

    return msgspec.convert(harmed(sample(of)), of)


def rendered(value: Any) -> Reading:
    reading = Reading(value._repr_html_())
    assert {tag for tag, _ in reading.elements} <= INERT
    assert [attributes for _, attributes in reading.elements if attributes] == []
    assert reading.open == []
    return reading


@pytest.mark.parametrize("of", [*SHOWN, *(Page[of] for of in LISTS)], ids=str)  # type: ignore[valid-type] # of a list
def test_hostile_texts_stay_inert_in_whatever_a_notebook_shows(of: Any) -> None:
    value = hostile(of)
    texts = " ".join(rendered(value).texts)
    assert "<script>alert(1)</script>" in texts and 'onerror="alert(1)"' in texts
    for shown in (texts, repr(value)):
        assert "\u202e" not in shown and "\x1b" not in shown
    assert repr(value).startswith(getattr(of, "__origin__", of).__name__)


@pytest.mark.parametrize(
    "formula",
    [
        r"$\href{https://evil.example}{approve here}$",
        r"$$x$$",
        r"\(\text{APPROVED}\)",
        r"\[x\]",
        r"\begin{equation}x\end{equation}",
    ],
)
def test_no_notebook_finds_a_formula_in_what_somebody_wrote(formula: str) -> None:
    pages = (html_facts(formula, {formula: formula}), html_rows([{"text": formula}], caption=formula))
    for page in pages:
        texts = Reading(page).texts
        # MathJax looks for both ends of a formula within one text.
        assert [text for text in texts if text not in ("$", "\\") and ("$" in text or "\\" in text)] == []
        assert formula in "".join(texts)


def test_what_says_how_it_is_shown_is_among_what_was_held_against_hostile_texts() -> None:
    found = {value for value in vars(entities).values() if inspect.isclass(value) and hasattr(value, "_repr_html_")}
    assert found == {*SHOWN, Page}
    rows = {value for value in vars(entities).values() if inspect.isclass(value) and "row" in vars(value)}
    assert rows - {Answer} <= set(LISTS)


def promotion(decision: Decision, **changes: Any) -> Promotion:
    made: Promotion = msgspec.structs.replace(hostile(Promotion), decision=decision, **changes)
    return made


def test_a_promotion_says_who_is_missing() -> None:
    missing = Reason(code=ReasonCode.REVIEW_MISSING, message="One more approval.", policy="team", people=("ann", "bob"))
    held = Reason(code=ReasonCode.STAGE_HELD, message="Held until Monday.")
    given = Reason(code="check_passed", message="evaluation passed")
    waived = Reason(code="self_approval", message="waived by solo")
    decision = Decision(outcome=Outcome.BLOCKED, reasons=(missing, held), satisfied=(given,), waived=(waived,))
    texts = rendered(promotion(decision)).texts
    for told in ("One more approval.", "ann, bob", "Held until Monday.", "evaluation passed", "waived by solo"):
        assert told in texts
    assert texts.count("in the way") == 2
    assert promotion(decision).row()["missing"] == ["One more approval."]

    done = promotion(Decision(outcome=Outcome.APPLICABLE, reasons=()), closure=None)
    assert "in the way" not in rendered(done).texts and "closed" not in rendered(done).texts
    closed = promotion(decision, closure=Closure(reason="late", by="ann", at=datetime(2026, 3, 3, tzinfo=UTC)))
    assert "late (ann)" in rendered(closed).texts


def test_lineage_is_shown_from_near_to_far_with_what_each_was_made_of() -> None:
    nodes = [
        LineageNode(id="c", kind=NodeKind.CODE_COMMIT, distance=1, ref="4f1c2d9"),
        LineageNode(id="h", kind=NodeKind.HIDDEN, distance=1),
        LineageNode(id="v", kind=NodeKind.VERSION, distance=0, ref="fraud/1", status="ready"),
    ]
    links = [LineageLink(source="c", target="v"), LineageLink(source="h", target="v")]
    graph = LineageGraph(root="v", nodes=nodes, links=links, truncated=True)
    texts = rendered(graph).texts
    assert texts.index("fraud/1") < texts.index("4f1c2d9")
    assert "lineage of version fraud/1" in texts and "code_commit 4f1c2d9, hidden" in texts
    assert texts[-1] == "There are more."


def test_a_list_shows_the_columns_that_something_stands_in() -> None:
    rows: list[dict[str, object]] = [{"a": 1, "b": None, "c": ""}, {"a": 2, "b": "x", "c": None, "d": 1}]
    page = html_rows(rows)
    assert page == (
        "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td></tr><tr><td>2</td><td>x</td></tr></table>"
    )
    assert html_rows([]) == "<p>Nothing.</p>"
    assert html_rows(rows, more=True).endswith("<p>There are more.</p>")
    many = html_rows([{"n": n} for n in range(MAX_ROWS + 1)])
    assert many.count("<tr>") == MAX_ROWS + 1 and many.endswith("<p>There are more.</p>")
    assert html_rows(rows, caption="<b>").startswith("<table><caption>&lt;b&gt;</caption>")


def test_a_list_shows_what_stands_inside_its_items() -> None:
    event = msgspec.convert(sample(Event), Event)
    happened = Activity(event=event, concerns=[])
    shown = Page(items=[happened, happened])._repr_html_()
    assert "<th>event.kind</th>" in shown and event.kind in shown
    traced = msgspec.convert(sample(VersionProvenance), VersionProvenance).row()
    assert (traced["promotions"], traced["version.model"]) == (1, "text")


def test_facts_leave_out_what_is_empty() -> None:
    assert html_facts("", {"a": "1", "b": None, "c": []}) == "<table><tr><th>a</th><td>1</td></tr></table>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (0.25, "0.25"),
        (datetime(2026, 3, 3, 14, 5, tzinfo=UTC), "2026-03-03 14:05 UTC"),
        ("word", "word"),
        (VersionStatus.READY, "ready"),
        (["a", 1], "a, 1"),
        ((), ""),
        ({"auc": 0.5, "flag": ""}, "auc 0.5, flag"),
        (Closure(reason="r", by="b", at=datetime(2026, 1, 1, tzinfo=UTC)), None),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("x" * (MAX_TEXT + 1), "x" * (MAX_TEXT - 1) + "…"),
    ],
)
def test_a_value_is_one_line(value: object, text: str | None) -> None:
    assert text_of(value) == (msgspec.json.encode(value).decode() if text is None else text)
