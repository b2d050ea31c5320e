"""Markdown of people as HTML: no markup of their own gets through, links lead to the web or to mail, and what would be
an image, which tells its server who looks, is a link."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from registry_service.domain.wording import printable

_SCHEMES: Final = ("http://", "https://", "mailto:")


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ANN401 - its signature
        token = tokens[idx]
        words = self.renderInlineAsText(token.children or [], options, env) or "image"
        return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(token.attrs["src"], words)

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ANN401 - likewise
        tokens[idx].attrSet("rel", "noopener noreferrer nofollow")
        return self.renderToken(tokens, idx, options, env)

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ANN401, ARG002
        return f"<h{_below(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ANN401, ARG002
        return f"</h{_below(tokens[idx].tag)}>\n"


def _below(tag: str) -> int:
    """The level of a heading that stands below those of the page."""
    return min(int(tag[1:]) + 2, 6)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable(["table", "strikethrough"])
    parser.validateLink = _leads_outside  # type: ignore[method-assign]  # its documented way to say which links are good
    return parser


def _leads_outside(url: str) -> bool:
    return url.lower().startswith(_SCHEMES)


def markdown(text: str) -> Markup:
    """The text as HTML that does nothing."""
    try:
        return Markup(_parser().render(printable(text)))  # noqa: S704 - the parser escapes whatever isn't Markdown
    except RecursionError:
        return Markup("<pre>{}</pre>").format(escape(printable(text)))


def plain(text: str) -> str:
    """The words of the text in one line, without what marks them."""
    try:
        return " ".join(word for token in _parser().parse(printable(text)) for word in _words_of(token).split())
    except RecursionError:
        return " ".join(printable(text).split())


def _words_of(token: Token) -> str:
    if token.children is not None:
        return "".join(_words_of(child) for child in token.children)
    return " " if token.type.endswith("break") else token.content
