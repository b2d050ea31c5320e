"""The one expression language: it filters lists, and writes the conditions of policies.

    metrics.auc >= 0.9 AND (tags.country IN ('de', 'fr') OR NOT framework LIKE 'sklearn%')
    signature.changed OR metrics.auc < current.metrics.auc - 0.005

What can be said:

- attributes (`name`, `created_at`) and keys (`tags.x`, `metrics.f1.macro`, `` tags.`any text` ``, `tags."any text"`);
  in conditions also those of the version that is current in the stage (`current.metrics.auc`);
- text in single or double quotes, doubled inside; numbers; `true`, `false`; times as text (ISO 8601, UTC unless it
  says otherwise), and in lists those that count from now: `created_at > now-7d`;
- `= != < <= > >=`, `IN (…)`, `NOT IN (…)`, `LIKE`, `ILIKE` and their `NOT`, `IS NULL`, `IS NOT NULL`;
- `AND`, `OR`, `NOT`, parentheses, and where the vocabulary allows it `+ - * /`.

Text compares by code points. In patterns `%` stands for any characters and `_` for one; a backslash before either, or
before another backslash, makes it stand for itself. `ILIKE` ignores the case of ASCII letters, and of no others: both
databases agree on that much.

A param is text, and a number as well where it is one: it compares as what it is compared with.

A missing value makes a comparison neither true nor false (`evaluate`). `matches` and `applies` each say what then
holds, for filters and for the conditions under which a rule applies.
"""

from __future__ import annotations

from registry_service.domain.expressions.evaluate import Lookup, applies, evaluate, matches
from registry_service.domain.expressions.format import formatted, named
from registry_service.domain.expressions.order import Order, parse_names, parse_order
from registry_service.domain.expressions.parser import parse, speaks_of_now
from registry_service.domain.expressions.tree import Expression, Reference, Scalar, Type, references, references_current
from registry_service.domain.expressions.vocabulary import Vocabulary

__all__ = [
    "Expression",
    "Lookup",
    "Order",
    "Reference",
    "Scalar",
    "Type",
    "Vocabulary",
    "applies",
    "evaluate",
    "formatted",
    "matches",
    "named",
    "parse",
    "parse_names",
    "parse_order",
    "references",
    "references_current",
    "speaks_of_now",
]
