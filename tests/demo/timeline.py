"""The registry's own log as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any


def timeline(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What happened, by whom, and why; one line per event, in local time."""
    for event in events:
        at = datetime.fromisoformat(event["at"]).astimezone()
        yield f"{at:%H:%M:%S}  {event['actor']:<10} {event['kind']:<22} {_about(event)}".rstrip()


def _about(event: Mapping[str, Any]) -> str:
    data = event["data"]
    version = data.get("version") or (event["subject"] if event["kind"].startswith(("version.", "check.")) else None)
    parts = [f"version {version}"] if version is not None else []
    parts += [str(data[name]) for name in ("stage", "name", "status", "verdict", "target") if data.get(name)]
    text = ", ".join(parts)
    why = data.get("reason") or data.get("comment") or data.get("summary")
    return f"{text}: {why}" if why else text
