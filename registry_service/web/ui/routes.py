"""All pages, and what routes of pages may ask for by name."""

from __future__ import annotations

from typing import Final

from litestar.di import Provide

from registry_service.web.ui.admin.people import people_page, person_page, tokens_page
from registry_service.web.ui.admin.policies import policies_page, policy_page
from registry_service.web.ui.admin.retention import preview_page, retention_page
from registry_service.web.ui.admin.storage import storage_page
from registry_service.web.ui.assets import asset
from registry_service.web.ui.comparing import compare_page, comparison_as_csv
from registry_service.web.ui.home import home
from registry_service.web.ui.live import live_page
from registry_service.web.ui.log import log_as_csv, log_as_lines, log_page, provide_wanted
from registry_service.web.ui.login import close_session, login_page, open_session
from registry_service.web.ui.models import models_page
from registry_service.web.ui.pictures import picture
from registry_service.web.ui.promotions import promotions_page
from registry_service.web.ui.visit import provide_visit

PAGES: Final = (
    asset,
    login_page,
    open_session,
    close_session,
    home,
    models_page,
    compare_page,
    comparison_as_csv,
    picture,
    promotions_page,
    live_page,
    log_page,
    log_as_lines,
    log_as_csv,
    people_page,
    person_page,
    tokens_page,
    policies_page,
    policy_page,
    retention_page,
    preview_page,
    storage_page,
)

VISIT: Final = {
    "visit": Provide(provide_visit, sync_to_thread=False),
    "wanted": Provide(provide_wanted, sync_to_thread=False),
}
