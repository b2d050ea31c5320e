"""What an expression may speak of where it stands: one list knows other attributes than another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_service.domain.expressions.tree import Reference, Type


class UnknownName(Exception):
    """Nothing of this name here; the message lists what there is."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """
    `attributes` are single values by their name, which may hold dots (`signature.changed`).
    `spaces` hold values by any key (`tags.x`); all of a space have one type.
    `current` allows the same of the version that is current in the stage (`current.metrics.auc`).
    `arithmetic` allows `+ - * /`.
    """

    attributes: Mapping[str, Type]
    spaces: Mapping[str, Type] = field(default_factory=dict)
    current: bool = False
    arithmetic: bool = False

    def resolve(self, path: tuple[str, ...], *, quoted: bool) -> Reference:
        """What a dotted name stands for; `quoted` says that its last part was in quotes, which makes it a key.

        :raises UnknownName: nothing.
        """

        is_current = self.current and path[0] == "current" and len(path) > 1
        name, *rest = path[1:] if is_current else path
        dotted = ".".join((name, *rest))
        if not quoted and dotted in self.attributes:
            return Reference(dotted, self.attributes[dotted], None, is_current)
        if quoted and len(rest) > 1:
            raise UnknownName(f"a key in quotes follows its space directly, as in {name}.`a.b`")
        if name in self.spaces and rest:
            return Reference(name, self.spaces[name], ".".join(rest), is_current)
        if name in self.spaces:
            raise UnknownName(f"'{name}' needs a key, such as {name}.x")
        raise UnknownName(f"'{dotted}' is unknown here; known are {self._known()}")

    def _known(self) -> str:
        names = sorted(self.attributes) + [f"{space}.x" for space in sorted(self.spaces)]
        return ", ".join([*names, "and each with 'current.' before it"] if self.current else names)
