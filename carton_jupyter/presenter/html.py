"""Views as HTML cards: no script, every class of ours prefixed, readable where a viewer drops the style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TypedDict

from carton_jupyter.presenter import markdown
from carton_jupyter.presenter.cache_view import CachedView, CacheView
from carton_jupyter.presenter.files_view import FilesView, FileView
from carton_jupyter.presenter.markup import Markup, element
from carton_jupyter.presenter.panel_view import Output
from carton_jupyter.presenter.view import (
    CardView,
    ComparisonView,
    ExampleView,
    KernelView,
    NamedView,
    ReportView,
    TensorView,
    ValueView,
)

_KERNEL_COLUMNS = ("model", "state", "pid", "Python", "device", "memory", "calls", "p50 · p99", "waiting")


class LastRun(TypedDict):
    """A run that is over, to be read where no panel can be."""

    inputs: str
    outcome: str
    outputs: list[Output]


def card(view: CardView) -> str:
    """A model, or what a carton says about one."""
    return _framed(*_card(view))


def panel(view: CardView, run: LastRun | None) -> str:
    """A panel without its script: the card, and how the last run went; hidden beside a panel that lives."""
    return _framed(*_card(view), _last_run(run) if run is not None else None, css="card static")


def _card(view: CardView) -> tuple[Markup | None, ...]:
    return (
        _header(view),
        _state(view),
        _specs(view),
        _examples(view["examples"]),
        _section("Self tests", _named(view["self_tests"])) if view["self_tests"] else None,
        _about(view),
        _card_files(view["files"]),
        _section(None, element("div", view["far"], css="faint")) if view["far"] else None,
    )


def tensor(view: TensorView) -> str:
    """A spec on its own."""
    return _framed(_section(None, _tensor(view)))


def report(view: ReportView) -> str:
    """How the self tests went."""
    verdict = "good" if view["passed"] == view["total"] else "bad"
    summary = element("span", f"{view['passed']} of {view['total']} pass", css=verdict)
    head = element("tr", *(element("th", name) for name in ("test", "output", "largest error", "tolerance")))
    table = element("table", element("thead", head), element("tbody", *map(_comparison, view["rows"])))
    return _framed(_section("Self tests", table if view["rows"] else None, beside=summary))


def kernels(views: Sequence[KernelView]) -> str:
    """The processes of models, as a table."""
    if not views:
        return _framed(_section("Kernels", element("div", "no model is loaded", css="faint")))
    head = element("tr", *(element("th", name) for name in _KERNEL_COLUMNS))
    rows = [row for view in views for row in _kernel(view)]
    table = element("table", element("thead", head), element("tbody", *rows), css="kernels")
    return _framed(_section("Kernels", element("div", table, css="wide")))


def _kernel(view: KernelView) -> Iterator[Markup]:
    state = element("td", element("span", "●", css=f"dot {view['state']}"), " ", view["state"])
    name, _, *others, error = map(str, view.values())
    cells = (element("td", text) for text in others)
    yield element("tr", element("td", element("strong", name)), state, *cells)
    if error:
        columns = str(len(_KERNEL_COLUMNS))
        yield element("tr", element("td", "last error: ", error, colspan=columns), css="error")


def files(view: FilesView) -> str:
    """The files of a carton, the largest first."""
    size = element("th", "size", css="number")
    head = element("tr", element("th", "file"), size, element("th"), element("th", "sha256"))
    rows = (element("tr", *_file(row), element("td", _digest(row["sha256"]))) for row in view["rows"])
    table = element("table", element("thead", head), element("tbody", *rows), css="files")
    total = element("span", view["total"], css="faint")
    return _framed(_section("Files", element("div", table, css="wide"), _faint(view["more"]), beside=total))


def _card_files(view: FilesView | None) -> Markup | None:
    if view is None:
        return None
    label = element("span", "Files", css="label"), " ", element("span", view["total"], css="faint")
    if not view["rows"]:
        return element("div", *label, element("span", f"; {view['more']}", css="faint"), css="section")
    table = element("table", element("tbody", *(element("tr", *_file(row)) for row in view["rows"])), css="files")
    return element("div", element("details", element("summary", *label), table, _faint(view["more"])), css="section")


def _file(row: FileView) -> Iterator[Markup]:
    yield element("td", element("code", row["path"]))
    yield element("td", row["size"], css="number")
    yield element("td", row["place"], css="faint")


def _digest(sha256: str) -> Markup:
    return element("code", sha256[:12], title=sha256)


def cached(view: CacheView) -> str:
    """The models in the cache, as a table."""
    said = [element("div", text) for text in view["said"]]
    head = element("tr", *(element("th", name) for name in ("model", "size", "last used")))
    table = element("table", element("thead", head), element("tbody", *map(_cached, view["rows"])), css="kernels")
    empty = element("div", "no model is in the cache", css="faint")
    total = element("div", f"{view['total']} of {view['limit']}", css="faint")
    return _framed(
        _section("Cache", *said, element("div", table, css="wide") if view["rows"] else empty, total),
    )


def _cached(view: CachedView) -> Markup:
    dot = [element("span", "●", css="dot idle"), " "] if view["state"] else []
    used = element("td", *dot, view["used"])
    return element("tr", element("td", element("strong", view["name"])), element("td", view["size"]), used)


@cache
def _style() -> Markup:
    return element("style", Markup(resources.files(str(__package__)).joinpath("card.css").read_text(encoding="utf-8")))


def _framed(*parts: Markup | None, css: str = "card") -> str:
    return element("div", _style(), *parts, css=css)


def _header(view: CardView) -> Markup:
    badges = [element("span", badge, css="badge") for badge in view["badges"]]
    title = element("div", element("strong", view["title"], css="title"), " ", *_spaced(badges))
    return element("div", title, element("div", view["summary"]) if view["summary"] else None, css="header")


def _state(view: CardView) -> Markup:
    parts = [element("span", text) for text in (view["running"], f"needs {view['runner']}") if text]
    if view["state"]:
        dot = element("span", "●", css=f"dot {view['state']}")
        parts.insert(0, element("span", dot, " ", element("strong", view["state"])))
    if view["platforms"]:
        parts.append(element("span", ", ".join(view["platforms"])))
    return element("div", *_spaced(parts, " · "), css="state")


def _specs(view: CardView) -> Markup | None:
    sides = [
        _section(name, *map(_tensor, specs))
        for name, specs in (("Inputs", view["inputs"]), ("Outputs", view["outputs"]))
        if specs
    ]
    return element("div", *sides, css="sides") if sides else None


def _tensor(view: TensorView) -> Markup:
    line = element("div", element("strong", view["name"]), " ", element("code", f"{view['dtype']} {view['shape']}"))
    return element("div", line, _faint(view["description"]), css="tensor")


def _faint(text: str) -> Markup | None:
    return element("div", text, css="faint") if text else None


def _examples(views: Sequence[ExampleView]) -> Markup | None:
    return _section("Examples", element("div", *map(_example, views), css="examples")) if views else None


def _last_run(run: LastRun) -> Markup:
    beside = element("span", f"{run['inputs']} · {run['outcome']}", css="faint")
    rows = (
        element("tr", element("td", element("strong", output["name"])), element("td", _form(output)), _summary(output))
        for output in run["outputs"]
    )
    table = element("table", element("tbody", *rows)) if run["outputs"] else None
    return _section("Last run", table, beside=beside)


def _form(output: Output) -> Markup:
    return element("code", f"{output['dtype']} {output['shape']}")


def _summary(output: Output) -> Markup:
    preview = output["preview"]
    return element("td", preview["text"] if preview["kind"] == "value" else output["summary"])


def _example(view: ExampleView) -> Markup:
    outputs = [element("div", "↓", css="faint"), *map(_value, view["outputs"])] if view["outputs"] else []
    head = [element("strong", view["name"]), _faint(view["description"])]
    return element("div", *head, *map(_value, view["inputs"]), *outputs, css="example")


def _value(view: ValueView) -> Markup:
    if view["picture"]:
        picture = element("img", src=view["picture"], alt=view["name"], css="picture")
        return element("div", element("div", view["name"], css="faint"), picture, css="value")
    return element("div", element("span", view["name"], css="faint"), " ", element("code", view["text"]), css="value")


def _named(views: Sequence[NamedView]) -> Markup:
    return element("div", *(element("div", *_name_and_line(view), css="item") for view in views))


def _name_and_line(view: NamedView) -> tuple[str, ...]:
    return element("strong", view["name"]), " ", element("span", view["description"], css="faint")


def _about(view: CardView) -> Markup | None:
    links = [_link(link) for link in view["links"]]
    text = markdown.render(view["description"], view["pictures"]) if view["description"] else None
    if not links and text is None:
        return None
    about = element("div", text, css="description") if text is not None else None
    return _section("About", about, element("div", *_spaced(links, " · ")) if links else None)


def _link(link: NamedView) -> Markup:
    url = link["description"]
    if not url.lower().startswith(("https://", "http://")):
        return element("span", f"{link['name']}: {url}")
    return element("a", link["name"], href=url, title=url, rel="noopener noreferrer", target="_blank")


def _comparison(row: ComparisonView) -> Markup:
    if not row["passed"]:
        return element("tr", element("td", row["test"]), element("td", row["output"]), _failure(row["message"]))
    error = row["error"] if row["output"] else "ran"
    return element("tr", *(element("td", text) for text in (row["test"], row["output"], error, row["tolerance"])))


def _failure(message: str) -> Markup:
    first, _, rest = message.partition("\n")
    more = element("pre", rest.strip()) if rest.strip() else None
    return element("td", element("div", first), more, css="bad", colspan="2")


def _section(title: str | None, *children: Markup | None, beside: Markup | None = None) -> Markup:
    head = element("div", element("span", title, css="label"), " ", beside) if title else None
    return element("div", head, *children, css="section")


def _spaced(parts: Sequence[Markup], between: str = " ") -> list[str]:
    """Parts with text between them, so that they stay apart where there is no style."""
    spaced: list[str] = []
    for part in parts:
        spaced.extend([between, part] if spaced else [part])
    return spaced
