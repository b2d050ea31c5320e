"""What one can ask for by a name, written once for the handles of both clients: calls and plans, as values.

No rule stands here: each goes to the call that there is for it.
"""

from __future__ import annotations

from registry_service.client.handles.names.models import ModelName
from registry_service.client.handles.names.promotions import PromotionName
from registry_service.client.handles.names.stages import AliasName, StageName
from registry_service.client.handles.names.versions import Named, Selector, VersionName

__all__ = ["AliasName", "ModelName", "Named", "PromotionName", "Selector", "StageName", "VersionName"]
