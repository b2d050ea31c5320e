"""What Airflow's provider discovery reads. It runs before configuration is ready: nothing is imported here."""

from __future__ import annotations

INTEGRATION = "Model Registry"


def get_provider_info() -> dict[str, object]:
    """Describe the provider to Airflow, in the shape of Airflow's `provider.yaml.schema.json`."""
    return {
        "package-name": "airflow-model-registry",
        "name": INTEGRATION,
        "description": "Register, approve, promote, deploy and roll back models as pipeline steps.",
        "integrations": [{"integration-name": INTEGRATION, "tags": ["service"]}],
        "connection-types": [
            {
                "connection-type": "model_registry",
                "hook-class-name": "airflow_provider.hooks.registry.ModelRegistryHook",
                "hook-name": INTEGRATION,
                "conn-fields": {
                    "verify": {
                        "label": "TLS certificate check",
                        "schema": {"type": ["string", "boolean", "null"], "default": True},
                        "description": "true, false, or the path of a CA bundle",
                    },
                    "timeout": {
                        "label": "Timeout (s)",
                        "schema": {"type": ["number", "null"], "default": 30},
                        "description": "Seconds that one request may take",
                    },
                },
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port", "extra"],
                    "relabeling": {"host": "Registry URL", "password": "Token"},
                    "placeholders": {"host": "https://registry.example.com", "password": "mreg_…"},
                },
            }
        ],
        "hooks": [{"integration-name": INTEGRATION, "python-modules": ["airflow_provider.hooks.registry"]}],
        "operators": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_provider.operators.versions", "airflow_provider.operators.promotions"],
            }
        ],
        "sensors": [{"integration-name": INTEGRATION, "python-modules": ["airflow_provider.sensors.approvals"]}],
        "triggers": [{"integration-name": INTEGRATION, "python-modules": ["airflow_provider.triggers.approvals"]}],
        "task-decorators": [
            {
                "name": "register_model",
                "class-name": "airflow_provider.decorators.register_model.register_model_task",
            }
        ],
        "asset-uris": [{"schemes": ["model-registry"], "handler": "airflow_provider.assets.sanitize_uri"}],
        "extra-links": [
            "airflow_provider.links.registry.ModelVersionLink",
            "airflow_provider.links.registry.PromotionLink",
        ],
        "config": {
            "model_registry": {
                "description": "The model registry's provider.",
                "options": {
                    "cache_directory": {
                        "description": "Where workers keep the files of versions, by content digest.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": None,
                        "default": "{AIRFLOW_HOME}/model_registry_cache",
                    },
                    "url": {
                        "description": "Where people open the registry's pages, if not at the connection's host.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "https://registry.example.com",
                        "default": None,
                    },
                    "embed_pages": {
                        "description": (
                            "Show the registry's pages within Airflow's; the registry must allow it too"
                            " (MODEL_REGISTRY_FRAMED_BY)."
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                },
            },
        },
    }
