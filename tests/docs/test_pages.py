"""What README and docs say is so: links lead somewhere, code runs, parameters exist."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.get_provider_info import get_provider_info
from registry_service.care.checks import CHECKS
from registry_service.domain.entities import VersionProvenance
from registry_service.domain.permissions import Role
from tests.docs.cli_reference import reference
from tests.docs.pages import PAGES, ROOT, blocks, dead_links, table_rows

EXAMPLES = ROOT / "dags_examples"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One\n\n## Check: `fsck`, and more\n\n```sh\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md) [b](other.md#check-fsck-and-more) [c](#here) [d](https://x.example/#y)"
        " [e](none.md) [f](other.md#no-heading) [g](#there)"
    )
    assert dead_links(page) == ["none.md", "other.md#no-heading", "#there"]


def test_the_dag_of_the_readme_is_the_one_that_is_tested() -> None:
    shown, _ = blocks(ROOT / "README.md", "python")
    assert shown == (EXAMPLES / "quickstart.py").read_text()


def test_the_dag_of_the_readme_takes_twenty_lines() -> None:
    tree = ast.parse((EXAMPLES / "quickstart.py").read_text())
    docstring = tree.body[0]
    lines = (EXAMPLES / "quickstart.py").read_text().splitlines()[docstring.end_lineno or 0 :]
    assert len([line for line in lines if line.strip()]) <= 20


def test_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?m)(?:^    |`)make ([a-z-]+)", page.read_text())}
    assert named
    assert named <= targets


@pytest.mark.parametrize("number", range(len(blocks(ROOT / "docs" / "airflow.md", "python"))))
def test_code_of_the_page_about_airflow_runs(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXAMPLES)])
    exec(compile(blocks(ROOT / "docs" / "airflow.md", "python")[number], f"block {number}", "exec"), {})


def test_the_pieces_take_the_parameters_that_the_page_names() -> None:
    rows = [row for row in table_rows(ROOT / "docs" / "airflow.md") if row[0].startswith("`") and len(row) == 3]
    assert len(rows) >= 12
    for place, what, parameters in rows:
        module = import_module(f"airflow_provider.{place.strip('`')}")
        found = re.match(r"`(@?[\w.]+)", what)
        assert found
        name = found[1]
        piece = module.RegisterModelDecoratedOperator if name.startswith("@") else getattr(module, name)
        taken = set(inspect.signature(piece).parameters)
        assert {one.strip() for one in parameters.strip("`").split(",")} <= taken, name


def test_the_options_of_airflows_configuration_are_those_that_the_page_names() -> None:
    config: Any = get_provider_info()["config"]
    page = (ROOT / "docs" / "airflow.md").read_text()
    rows = [row[0] for row in table_rows(ROOT / "docs" / "airflow.md") if row[0].startswith("`") and len(row) == 2]
    assert {f"`{name}`" for name in config["model_registry"]["options"]} == {*rows, "`cache_directory`"}
    assert "`[model_registry] cache_directory`" in page


def test_the_page_about_operations_lists_every_check() -> None:
    rows = [row for row in table_rows(ROOT / "docs" / "operations.md") if row[0].startswith("`")]
    assert rows == [[f"`{one.code}`", one.sentence + (" (note)" if one.note else "")] for one in CHECKS]


def test_the_page_about_administration_names_every_role() -> None:
    named = re.search(r"A role \(([^)]*)\)", (ROOT / "docs" / "http-administration.md").read_text())
    assert named
    assert re.findall(r"`(\w+)`", named[1]) == [role.value for role in Role]


def test_the_page_about_python_names_what_answers_for_a_version() -> None:
    named = re.search(r"\.provenance\(\)  # (.*)", (ROOT / "docs" / "python.md").read_text())
    assert named
    assert tuple(part.split()[0] for part in named[1].split(", ")) == VersionProvenance.__struct_fields__


def test_the_page_about_the_command_line_is_made_from_the_command() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "python -m tests.docs.cli_reference > docs/cli.md"
