"""What the service's own check of a home finds."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.campaign.serving import ROOT, CampaignServer


def fsck(server: CampaignServer) -> list[str]:
    """The faults that `model-registry fsck --json --deep` finds; notes are none."""
    ended = subprocess.run(
        [sys.executable, "-c", "from registry_service.cli import main; main()", "fsck", "--json", "--deep"],
        env=server.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if ended.returncode not in {0, 1} or not ended.stdout.startswith("{"):
        return [f"fsck ended with {ended.returncode}: {ended.stdout} {ended.stderr}"]
    report = json.loads(ended.stdout)
    faults = [f"fsck: {fault['message']} [{fault['code']}]" for fault in report["faults"]]
    return faults if faults or report["sound"] else ["fsck: not sound, and it doesn't say why"]
