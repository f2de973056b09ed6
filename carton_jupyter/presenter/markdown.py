"""A model's description: markdown by a stranger, as HTML that can do nothing.

HTML in it stays text. Links lead to the web and to nowhere else. Pictures come out of the carton; those on the web
become links, so that looking at a card asks no server for anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from carton_jupyter.presenter.markup import Markup, element

_MISC = "@misc/"
_WEB = re.compile("(https?://|mailto:)", re.IGNORECASE)


def render(text: str, pictures: Mapping[str, str]) -> Markup:
    """A description as HTML.

    Args:
        text: the markdown.
        pictures: data URIs of the files below ``@misc/``.
    """
    return Markup(_PARSER.render(text, {"pictures": pictures}))


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A picture of the carton, or a link, or else what it would have shown in words."""
        source = str(tokens[idx].attrs.get("src", ""))
        words = self.renderInlineAsText(tokens[idx].children, options, env)
        path = unquote(source.removeprefix(_MISC))  # the parser has quoted what is not for URLs, blanks for one
        if source.startswith(_MISC) and env["pictures"].get(path):
            return element("img", src=env["pictures"][path], alt=words, css="picture")
        if _WEB.match(source):
            return element("a", words or source, href=source, rel="noopener noreferrer", target="_blank")
        return element("span", f"[{words or path}]", css="faint")

    def link_open(self, tokens: Sequence[Token], idx: int, _options: Any, _env: Any) -> str:
        """A link to the web; what leads elsewhere is text."""
        target = str(tokens[idx].attrs.get("href", ""))
        if not _WEB.match(target):
            return "<span>"
        return element("a", href=target, rel="noopener noreferrer", target="_blank").removesuffix("</a>")

    def link_close(self, tokens: Sequence[Token], idx: int, _options: Any, _env: Any) -> str:
        """The end of the link that began before."""
        depth = tokens[idx].level
        opening = next(item for item in reversed(tokens[:idx]) if item.type == "link_open" and item.level == depth)
        return "</a>" if _WEB.match(str(opening.attrs.get("href", ""))) else "</span>"


_PARSER = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
