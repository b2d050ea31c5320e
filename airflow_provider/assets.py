"""Models as Airflow assets, so that DAGs can be scheduled on them.

An asset event is a wake-up: what changed is read from the registry.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import SplitResult, quote

from airflow.providers.common.compat.sdk import Asset, AssetAlias, Context

from airflow_provider.references import VersionReference

SCHEME: Final = "model-registry"
# Tasks that register have this among their outlets: the model's name may be known only when the task has run, and
# through an alias an event still reaches the model's asset.
REGISTERED_VERSIONS: Final = AssetAlias(name="model-registry-versions")


def model_asset(model_name: str) -> Asset:
    """The asset that stands for a model: `schedule=[model_asset("fraud")]` runs a DAG when a version is registered.

    :param model_name: name of the model.
    """
    return Asset(name=f"model {model_name}", uri=f"{SCHEME}://models/{quote(model_name, safe='')}")


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check the URI of a model asset, as Airflow asks providers to.

    :raises ValueError: it isn't `model-registry://models/<name>`.
    """
    name = uri.path.removeprefix("/")
    if uri.netloc != "models" or not name or "/" in name:
        raise ValueError(f"A model's asset URI looks like {SCHEME}://models/<model name>, not {uri.geturl()}.")
    return uri


def emit_registered(context: Context, reference: VersionReference) -> None:
    """Say to Airflow that a version was registered: on the model's own asset where it is an outlet of the task, else
    through the alias.
    """
    asset = model_asset(reference["model_name"])
    extra: dict[str, Any] = dict(reference)
    outlets = getattr(context["task"], "outlets", None) or []
    events = context["outlet_events"]
    if asset in outlets:
        events[asset].extra.update(extra)
    elif REGISTERED_VERSIONS in outlets:
        events[REGISTERED_VERSIONS].add(asset, extra=extra)
