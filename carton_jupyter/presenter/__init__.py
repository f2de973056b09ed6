"""How models, and what is known of them, show themselves: as HTML cards and as plain text, and tables as markdown too.

`view` turns what the runtime knows into plain data, `html` and `text` turn that into what is shown. Neither depends on
a notebook, and the text holds nothing that differs from one run to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton
from carton_jupyter.presenter import files_view, html, text, view

__all__ = ["bundle", "install"]

_Show = Callable[[Any], Any]

_TYPES: dict[type, tuple[_Show, _Show, _Show]] = {
    carton.CartonInfo: (view.info_view, html.card, text.card),
    carton.Carton: (view.model_view, html.card, text.card),
    carton.sync.Carton: (view.model_view, html.card, text.card),
    carton.TensorSpec: (view.spec_view, html.tensor, text.tensor),
    carton.SelfTestReport: (view.report_view, html.report, text.report),
    carton.FileTable: (files_view.files_view, html.files, text.files),
    carton.LazyFiles: (files_view.lazy_files_view, html.files, text.files),
}
_MARKDOWN: dict[type, tuple[_Show, _Show]] = {
    carton.FileTable: (files_view.files_view, text.files_markdown),
    carton.LazyFiles: (files_view.lazy_files_view, text.files_markdown),
}


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Register how our types are shown; the result takes that back."""
    if ip.display_formatter is None:  # a shell that displays nothing
        return lambda: None
    formatters = ip.display_formatter.formatters
    for kind, (view_of, as_html, as_text) in _TYPES.items():
        formatters["text/html"].for_type(kind, _shown(view_of, as_html))
        formatters["text/plain"].for_type(kind, _pretty(view_of, as_text))

    for kind, (view_of, as_markdown) in _MARKDOWN.items():
        formatters["text/markdown"].for_type(kind, _shown(view_of, as_markdown))

    def uninstall() -> None:
        for kind in _TYPES:
            for mimetype in ("text/html", "text/plain", "text/markdown"):
                formatters[mimetype].pop(kind, None)

    return uninstall


def bundle(shown: carton.CartonInfo | carton.Carton | carton.sync.Carton) -> dict[str, str]:
    """The card of a model or of a carton, by mimetype."""
    view_of, as_html, as_text = _TYPES[type(shown)]
    seen = view_of(shown)
    return {"text/html": as_html(seen), "text/plain": as_text(seen)}


def _shown(view_of: _Show, show: _Show) -> Callable[[Any], str]:
    return lambda value: str(show(view_of(value)))


def _pretty(view_of: _Show, show: _Show) -> Callable[[Any, Any, bool], None]:
    """A function as IPython's pretty printer calls it; it wants lines one by one, to indent them."""

    def write(value: Any, printer: Any, _cycle: bool) -> None:
        for number, line in enumerate(show(view_of(value)).split("\n")):
            if number:
                printer.break_()
            printer.text(line)

    return write
