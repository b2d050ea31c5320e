"""The pages for readers, as programs see them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

# Blocks of a list are indented.
_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for found, body in _BLOCK.findall(page.read_text()) if found == language]


def links(page: Path) -> list[str]:
    """Where the page's links lead, without those to other sites."""
    return [target for target in _LINK.findall(page.read_text()) if "://" not in target]


def table_rows(page: Path) -> list[list[str]]:
    """The cells of all rows of all tables."""
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
