"""What Airflow's provider discovery reads. It runs before configuration is ready: nothing is imported here."""

from __future__ import annotations


def get_provider_info() -> dict[str, object]:
    """Describe the provider to Airflow, in the shape of Airflow's `provider.yaml.schema.json`."""
    return {
        "package-name": "airflow-model-registry",
        "name": "Model Registry",
        "description": "Register, approve, promote, deploy and roll back models as pipeline steps.",
    }
