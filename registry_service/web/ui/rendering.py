"""From facts to a page: the templates, what they write values with, and the headers that a page goes out with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from registry_service.domain.entities.review import end_of
from registry_service.domain.notebook import text_of
from registry_service.domain.policy_words import demands_in_words, terms_in_words
from registry_service.domain.wording import moment, printable, size, span
from registry_service.web.release import RELEASE
from registry_service.web.ui.assets import asset_url
from registry_service.web.ui.markdown import markdown, plain
from registry_service.web.ui.packing import PACKED, PackedResponse
from registry_service.web.ui.telling import Place, told

HTML: Final = "text/html"
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
"""What is attached to checks and shown, as an image and nothing else."""
MAX_PICTURE: Final = 4 * 1024 * 1024
"""Bytes; a larger one is only downloaded."""


@cache
def environment() -> Environment:
    """All templates. What somebody wrote is escaped wherever it stands; a name that a page lacks is a fault."""

    made = Environment(
        loader=PackageLoader("registry_service.web.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "demands": demands_in_words,
        "digest": _short_digest,
        "end_of": end_of,
        "figure": figure,
        "json": _json,
        "shell": shlex.quote,
        "markdown": markdown,
        "plain": plain,
        "size": size,
        "span": span,
        "terms": terms_in_words,
        "told": lambda event, place: told(event, Place(place)),
        "value": text_of,
        "when": _when,
        "words": _words,
    }
    made.globals |= {
        "max_picture": MAX_PICTURE,
        "pictures": PICTURES,
        "asset": asset_url,
        "to": address,
        "release": RELEASE,
        "same": same_page,
    }
    # Text may hold marks that turn the direction of what follows: nobody shall read another name than is there.
    made.finalize = _finalize
    return made


def html_page(
    template: str,
    context: Mapping[str, object],
    *,
    packed: bool,
    framed_by: Sequence[str] = (),
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response[str]:
    """A whole page. Scripts, styles and images come from this service and nowhere else, and none stands in the page."""

    ancestors = " ".join(framed_by) or "'none'"
    made = PackedResponse if packed else Response[str]
    return made(
        environment().get_template(template).render(context),
        status_code=status,
        media_type=HTML,
        headers={
            "content-security-policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
                f" form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
            ),
            "vary": "accept, accept-encoding, cookie",
            **(PACKED if packed else {}),
            **(headers or {}),
        },
    )


def address(*parts: str | int, **query: str | int | None) -> str:
    """The path of a page here: its parts, each as it is, and what its query holds; None is left out."""

    path = "/" + "/".join(quote(str(part), safe="") for part in parts)
    given = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value is not None)
    return f"{path}?{given}" if given else path


def same_page(query: Mapping[str, str], **changed: str | None) -> str:
    """The query of the page that is shown, with some of it changed; None leaves it out."""

    wanted = {name: value for name, value in {**query, **changed}.items() if value}
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items())


def _finalize(value: object) -> object:
    return printable(value) if type(value) is str else value


def _when(at: datetime | None) -> str | Markup:
    """A moment as people read it, in UTC; the page's script adds how long ago that is."""

    if at is None:
        return ""
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), moment(at))


def _short_digest(digest: str | None) -> str | Markup:
    """The beginning of a digest, which is enough to tell two apart by eye; whole in its title, and to a copy."""

    if digest is None:
        return ""
    return Markup('<code class="digest" title="{}">{}</code>').format(digest, digest.removeprefix("sha256:")[:12])


def figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _words(text: str) -> str:
    """A name with underscores as words."""
    return text.replace("_", " ")


def _json(value: Any) -> str:  # noqa: ANN401 - whatever is to be written as JSON
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
