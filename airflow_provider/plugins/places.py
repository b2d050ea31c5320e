"""Where Airflow's API server serves what the plugin adds to its pages."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/model-registry"
SCRIPT: Final = "models.js"
