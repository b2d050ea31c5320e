"""What requests are about: what the service has answered so far, for the next requests to name; and what only somebody
hostile or mistaken would name."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Any, Final

HOSTILE: Final = (
    "", " ", ".", "..", "../x", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "a/b", "a\\b", "a b", " a", "a\nb", "a\x00b",
    "-1", "0", "007", "1.0", "1e9", "9" * 10, "9" * 19, "9" * 40, "nan", "Infinity", "null", "true", "[]", "{}",
    "@", "@latest", "@7", "@a@b", "v7", "latest", "LATEST", "sha256:", "sha256:" + "0" * 64, "sha256:" + "A" * 64,
    "md5:" + "0" * 32, "a" * 64, "a" * 65, "a" * 257, "a" * 5000, "CON", "a.", ".a", "a..b", "\u00e9", "e\u0301",
    "\uff41", "\u0667", "\u202e", "\ufeff", "\U0001f600", "\ufdfa" * 30, "' OR 1=1 --", '"; DROP TABLE models',
    "${7*7}", "{{7*7}}", "$(id)", "<script>", "%s%n", "\r\nX-A: b",
)  # fmt: skip

SELECTORS: Final = (
    "0", "-1", "007", "9" * 10, "9" * 19, "9" * 40, "v7", "Latest", "@latest", "@7", "sha256:", "sha256:" + "A" * 64,
)  # fmt: skip

QUERIES: Final[Mapping[str, tuple[str, ...]]] = {
    "filter": (
        "name LIKE 'c%'", "tags.team = 'risk'", "metrics.auc > 0.5", "NOT metrics.auc > 1e308", "number IN (1, 2)",
        "name = ''", "name", "name = 'a' AND", "((((name = 'a'))))", "(" * 200, "NOT " * 300 + "name = 'a'",
        "metrics.`a b` != 1", "tags.'x' = 'y'", "number > 99999999999999999999", "name ILIKE '%\\'", "\x00",
        "phase = 'APPLIED'",
        "created_at > '2026-01-01T00:00:00Z'", "created_at > 'yesterday'", "created_at > 1e300", "number = -1", "1 = 1",
    ),
    "order_by": ("name", "name desc", "created_at", "number desc", "name  DESC ", "owner", "name; --", "desc", " "),
    "limit": ("1", "2", "200", "0", "201", "1000", "1001", "-1", "1e2", "2147483648", "9" * 30, "1.0", "\u0661"),
    "as_of": (
        "2026-03-03T12:00:00Z", "1750000000", "0", "-1", "1e18", "9" * 20, "nan", "inf", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z",
        "2026-03-03T12:00:00", "2026-06-30T23:59:60Z", "-0", "1e-300", "2099-01-01T00:00:00Z",
    ),
    "kinds": ("model.created", "promotion.*", "*", "model.", ".*", "model.created," * 50, "a.b", ","),
    "after": ("start", "latest", "-", "a-", "-1", "a-1", "a-" + "9" * 18, "a-" + "9" * 19),
    "wait": ("0", "0.01", "-1", "61", "nan", "inf", "1e-400", "0x1"),
    "version": ("1", "0", "-1", "2147483647", "2147483648", "9" * 19),
    "include_deleted": ("true", "false", "1", "yes", "maybe", ""),
}  # fmt: skip

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "If-Match": (
        '"1"', "1", "*", 'W/"1"', '"1", "2"', '"' + "9" * 18 + '"', '"' + "9" * 19 + '"', "", '"1-abc"', '"-1"',
    ),
    "If-None-Match": ('"1"', "*", 'W/"1"', '"1", "2", W/"3"', "", ",", '"', '"sha256:"'),
    "Idempotency-Key": ("key-1", "key-2", "key-3", "", "a b", "k" * 200, "k" * 201, "\xe9"),
    "Range": (
        "bytes=0-0", "bytes=1-", "bytes=-1", "bytes=-0", "bytes=-", "bytes=5-1", "bytes=0-999999999999999999",
        "BYTES=0-1", "bytes=9999-", "bytes=0-0,1-1", "lines=0-1", "bytes= 0-0 ", "bytes=a-b",
        "bytes=" + "9" * 40 + "-", "",
    ),
    "Upload-Offset": ("0", "1", "5", "-1", "+1", "1.0", "9" * 18, "9" * 19, "", "0x1", "\xb2"),
}  # fmt: skip

# What a field of an answer may be named for, by the tag of the operation that answered: `None` stands for all.
_ANSWERED: Final[Mapping[tuple[str | None, str], str]] = {
    ("models", "name"): "model", ("principals", "name"): "principal", ("policies", "name"): "policy",
    ("events", "name"): "consumer", ("aliases", "name"): "alias", ("stages", "name"): "stage",
    ("promotions", "id"): "promotion", ("deployments", "id"): "deployment", ("uploads", "id"): "upload",
    ("retention", "name"): "rule",
    (None, "model_name"): "model", (None, "number"): "version", (None, "version"): "version",
    (None, "digest"): "digest",
    (None, "stage"): "stage", (None, "cursor"): "cursor", (None, "next_cursor"): "next_cursor",
    (None, "files"): "files", (None, "revision"): "revision", (None, "path"): "path", (None, "holder"): "holder",
}  # fmt: skip

_ANSWERED_BY: Final[Mapping[str, Mapping[str, str]]] = {
    "create_token": {"id": "token"}, "create_grant": {"id": "grant"}, "write_group": {"name": "group"},
    "attach_policy": {"id": "attachment"}, "list_policy_changes": {"id": "change"},
    "comment_on_model": {"id": "comment"}, "comment_on_version": {"id": "comment"},
    "comment_on_promotion": {"id": "comment"}, "delegate": {"id": "delegation"}, "subscribe": {"id": "subscription"},
    "start_preview": {"id": "preview"}, "report_check": {"id": "check"},
}  # fmt: skip

# What a path parameter, field or query parameter takes. `name` in a path is told by what stands before it.
_TAKES: Final[Mapping[str, str]] = {
    "model": "model", "selector": "selector", "version": "selector", "from_version": "version", "to": "selector",
    "stage": "stage", "digest": "digest", "path": "path", "alias": "alias", "aliases": "alias", "upload": "upload",
    "promotion": "promotion", "deployment": "deployment", "token": "token", "grant": "grant", "group": "group",
    "attachment": "attachment", "change": "change", "policy": "policy", "principal": "principal", "owner": "principal",
    "owners": "principal", "members": "principal", "people": "principal", "holder": "holder", "cursor": "cursor",
    "consumer": "consumer", "after": "cursor", "files": "files", "comment": "comment", "delegation": "delegation",
    "subscription": "subscription", "preview": "preview", "rule": "rule", "check": "check",
}  # fmt: skip

_NAMED_BELOW: Final = {"consumers": "consumer", "policies": "policy", "principals": "principal"}

_KEPT: Final = 40


class Things:
    """Values by what they name, the latest that were learned of each kind. `scene` are some that belong together: what
    a request is mostly about, while there is one."""

    def __init__(self, own: frozenset[str]) -> None:
        """`own`: people and services whom the requests come from, and whom none of them may therefore disable."""
        self.scene: dict[str, Any] = {}
        self._own = own
        self._known: dict[str, deque[Any]] = {}

    def add(self, kind: str, *values: Any) -> None:
        kept = self._known.setdefault(kind, deque(maxlen=_KEPT))
        kept.extend(value for value in values if value not in kept)

    def learn(self, operation: str, tag: str, answer: object) -> None:
        """Whatever an answer names may be named by the next requests."""

        if isinstance(answer, list):
            for item in answer:
                self.learn(operation, tag, item)
        elif isinstance(answer, dict):
            for field, value in answer.items():
                kind = _ANSWERED_BY.get(operation, {}).get(field)
                kind = kind or _ANSWERED.get((tag, field)) or _ANSWERED.get((None, field))
                if kind is not None and value not in (None, "", []) and _is_nameable(kind, value):
                    self.add(kind, value)
                self.learn(operation, tag, value)

    def one(self, kind: str, chance: Random) -> Any:
        """Something of a kind; None where there is nothing yet."""

        if kind in self.scene and chance.random() < 0.9:
            return self.scene[kind]
        if kind == "selector":
            named = [f"@{name}" for name in (*self._known.get("alias", ()), *self._known.get("stage", ()))]
            numbers = [str(number) for number in self._known.get("version", ())]
            return chance.choice(["latest", "1", "2", *numbers, *named, *self._known.get("digest", ())])
        known = self._known.get(kind)
        return chance.choice(known) if known else None

    def for_path(self, path: str, parameter: str, chance: Random) -> str | None:
        """A value for a path parameter."""

        kind = _TAKES.get(parameter)
        if parameter == "name":
            kind = _NAMED_BELOW.get(path.split("/")[3])  # else it is that of an attachment
        elif parameter == "digest":
            kind = "announced"
        found = None if kind is None else self.one(kind, chance)
        return None if found is None or found in self._own else str(found)

    def fill(self, body: object, chance: Random) -> Any:
        """The same body, in which most fields that name something name something that there is."""

        if isinstance(body, list):
            return [self.fill(item, chance) for item in body]
        if not isinstance(body, dict):
            return body
        return {field: self._filled(field, value, chance) for field, value in body.items()}

    def _filled(self, field: str, value: object, chance: Random) -> Any:
        kind = _TAKES.get(field)
        if kind is not None and chance.random() < 0.8:
            found = self.one(kind, chance)
            if isinstance(value, list) and found is not None and not isinstance(found, list):
                return [found]
            if type(found) is type(value):
                return found
        elif isinstance(value, str) and chance.random() < 0.05:
            return chance.choice(HOSTILE)
        return self.fill(value, chance)


def _is_nameable(kind: str, value: object) -> bool:
    return isinstance(value, list if kind == "files" else str | int)
