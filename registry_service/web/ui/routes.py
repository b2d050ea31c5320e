"""All pages, and what routes of pages may ask for by name."""

from __future__ import annotations

from typing import Final

from litestar.di import Provide

from registry_service.web.ui.assets import asset
from registry_service.web.ui.comparing import compare_page, comparison_as_csv
from registry_service.web.ui.home import home
from registry_service.web.ui.live import live_page
from registry_service.web.ui.log import log_page
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
)

VISIT: Final = {"visit": Provide(provide_visit, sync_to_thread=False)}
