"""The promotion machine as a picture, made from its table, so that the two never tell different stories."""

from __future__ import annotations

from collections.abc import Iterator

from registry_service.domain.promotions import TABLE, Phase


def mermaid() -> str:
    """A Mermaid state diagram of `promotions.TABLE`, ending with a newline."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.PENDING}: request"
    for phase, moves in TABLE.items():
        for move, target in moves.items():
            yield f"    {phase} --> {target}: {move}"
    for phase in Phase:
        if phase.is_final:
            yield f"    {phase} --> [*]"


if __name__ == "__main__":
    print(mermaid(), end="")  # noqa: T201 -- the command that prints the picture
