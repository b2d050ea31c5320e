"""Running the service itself."""

from __future__ import annotations

from importlib.util import find_spec

import click

from registry_service.cli.endings import Stopped
from registry_service.cli.state import Command


@click.command(cls=Command)
def serve() -> None:
    """Run the registry. Settings come from variables that begin with MODEL_REGISTRY_, such as MODEL_REGISTRY_PORT."""

    missing = [name for name in ("litestar", "sqlalchemy", "uvicorn") if find_spec(name) is None]
    if missing:
        raise Stopped(
            "not_installed",
            f"The service isn't installed here ({', '.join(missing)} missing). Install it with:"
            " pip install 'airflow-model-registry[service]'",
        )
    from registry_service.app import serve as run  # noqa: PLC0415 - only the service's extra brings what this needs

    run()
