"""What the HTTP interface can do, the command can do too."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

# What one method of the client does in several requests.
MADE_OF: Final = {
    "register": {
        "start_upload",
        "send_upload_file",
        "sign_upload_parts",
        "complete_upload_file",
        "continue_upload_file",
        "get_upload_file",
        "register_version",
    },
    "report_with_attachments": {"start_upload", "send_upload_file", "report_check"},
    "download_attachments": {"get_version", "list_checks", "download_attachment"},
    "download": {"get_manifest", "download_file"},
    "events": {"stream_events", "read_events", "get_consumer", "move_consumer"},
}

# What needs no command, and why.
WITHOUT: Final = {
    "get_alias": "`aliases list` shows all that there is to an alias; `versions show MODEL @ALIAS` what it names",
    "is_live": "for probes, which send plain requests",
    "is_ready": "for probes, which send plain requests",
}


def operations() -> set[str]:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return {operation["operationId"] for path in document["paths"].values() for operation in path.values()}


def methods_called() -> Iterator[str]:
    """The methods of `state.client` and of `client` that commands call."""
    for file in (ROOT / "registry_service" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"state.client", "client"}:
                yield node.attr


def test_every_operation_has_a_command_or_a_reason_to_have_none() -> None:
    reached = set[str]()
    for method in methods_called():
        reached |= MADE_OF.get(method, {method, f"list_{method.removeprefix('iterate_')}"})
        reached.add(method.removeprefix("iterate_"))
    assert sorted(operations() - reached) == sorted(WITHOUT)
