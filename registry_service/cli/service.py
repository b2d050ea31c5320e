"""Running the service itself."""

from __future__ import annotations

import click

from registry_service.cli.offline import require_service
from registry_service.cli.state import Command


@click.command(cls=Command)
def serve() -> None:
    """Run the registry. Settings come from variables that begin with MODEL_REGISTRY_, such as MODEL_REGISTRY_PORT."""

    require_service()
    from registry_service.app import serve as run  # noqa: PLC0415 - only the service's extra brings what this needs

    run()
