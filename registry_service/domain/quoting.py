"""Text within an expression of the filter language."""

from __future__ import annotations


def quoted(text: str, mark: str = "'") -> str:
    """The text as a filter has it, `'it''s'`: between two marks, and each mark within doubled."""
    return mark + text.replace(mark, mark * 2) + mark
