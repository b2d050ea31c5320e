"""The pages for readers, as programs see them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

# Blocks of a list are indented.
_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for found, body in _BLOCK.findall(page.read_text()) if found == language]


def dead_links(page: Path) -> list[str]:
    """Links of the page that lead nowhere: to a file that isn't there, or a heading that its page doesn't have. Those
    to other sites are left out."""

    dead = []
    for target, heading in _LINK.findall(page.read_text()):
        leads_to = page.parent / target if target else page
        if "://" in target:
            continue
        if not leads_to.exists() or (heading and heading not in anchors(leads_to)):
            dead.append(f"{target}#{heading}" if heading else target)
    return dead


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: each heading in small letters, with dashes for blanks and without marks."""

    if page.suffix != ".md":
        return set()
    prose = _BLOCK.sub("", page.read_text())
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in _HEADING.findall(prose)}


def table_rows(page: Path) -> list[list[str]]:
    """The cells of all rows of all tables."""
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
