"""HTML that cannot be broken out of: everything is escaped, except what was built here."""

from __future__ import annotations

from html import escape

_EMPTY = frozenset({"img"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str | None, css: str = "", **attributes: str) -> Markup:
    """One element.

    Args:
        tag: its name.
        children: what it holds: `Markup` as it is, other text escaped, `None` left out.
        css: its classes, without the prefix ``carton-`` that all of them get.
        attributes: its other attributes; their values are escaped.
    """
    if css:
        attributes = {"class": " ".join(f"carton-{name}" for name in css.split()), **attributes}
    opening = "".join([f"<{tag}", *(f' {name}="{escape(value)}"' for name, value in attributes.items()), ">"])
    return Markup(opening if tag in _EMPTY else f"{opening}{join(*children)}</{tag}>")


def join(*children: str | None) -> Markup:
    """Children one after the other."""
    present = (child for child in children if child is not None)
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in present))
