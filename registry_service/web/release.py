"""Which release of the registry this is."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

RELEASE: Final = version("airflow-model-registry")
