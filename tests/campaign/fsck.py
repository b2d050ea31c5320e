"""What the service's own check of a home finds. As long as there is no such command, there is nothing to ask."""

from __future__ import annotations

import subprocess
import sys

from registry_service.cli import main
from tests.campaign.serving import ROOT, CampaignServer


def fsck(server: CampaignServer) -> list[str]:
    """The complaints of `model-registry fsck --json`, which exits with 0 where it has none."""
    if "fsck" not in main.commands:
        return []
    ended = subprocess.run(
        [sys.executable, "-c", "from registry_service.cli import main; main()", "fsck", "--json"],
        env=server.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return [] if ended.returncode == 0 else [f"fsck ended with {ended.returncode}: {ended.stdout} {ended.stderr}"]
