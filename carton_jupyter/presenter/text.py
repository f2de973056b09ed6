"""Views as plain text, for terminals and for what compares notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from carton_jupyter.presenter.cache_view import CacheView
from carton_jupyter.presenter.files_view import FilesView, FileView
from carton_jupyter.presenter.view import CardView, ComparisonView, KernelView, ReportView, TensorView

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # what may mean something in markdown, and can be escaped there


def card(view: CardView) -> str:
    """A model on a few lines; what it runs on is left out, because that differs between machines."""
    state = f" ({view['state']})" if view["state"] else ""
    lines = [f"{view['title']}{state}"]
    if view["summary"]:
        lines.append(f"  {view['summary']}")
    for kind in ("inputs", "outputs"):
        lines.extend(_tensors(kind, view["inputs"] if kind == "inputs" else view["outputs"]))
    counts = {"example": len(view["examples"]), "self test": len(view["self_tests"])}
    counted = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    if counted:
        lines.append(f"  {', '.join(counted)}")
    return "\n".join(lines)


def tensor(view: TensorView) -> str:
    """A spec on one line."""
    described = f"  {view['description']}" if view["description"] else ""
    return f"{view['name']}: {view['dtype']} {view['shape']}{described}"


def report(view: ReportView) -> str:
    """The self tests, without what differs between runs."""
    lines = [f"{view['passed']} of {view['total']} self tests pass"]
    lines.extend(f"  {_comparison(row)}" for row in view["rows"])
    return "\n".join(lines)


def kernels(views: Sequence[KernelView]) -> str:
    """The processes of models, one on each line."""
    return "\n".join(map(_kernel, views)) or "no model is loaded"


def _kernel(view: KernelView) -> str:
    error = f"; last error: {view['error']}" if view["error"] else ""
    return f"{view['name']}: {view['state']}, pid {view['pid']}, {view['calls']} calls{error}"


def cached(view: CacheView) -> str:
    """The models in the cache, one on each line."""
    rows = [f"{row['name']}: {row['size']}, used {row['used']}" for row in view["rows"]]
    return "\n".join([*view["said"], *rows, f"{view['total']} of {view['limit']}"])


def files(view: FilesView) -> str:
    """The files of a carton, one on each line."""
    width = max((len(row["size"]) for row in view["rows"]), default=0)
    lines = [f"  {row['size']:>{width}}  {row['path']}{_place(row)}" for row in view["rows"]]
    return "\n".join([view["total"], *lines, *filter(None, [view["more"]])])


def files_markdown(view: FilesView) -> str:
    """The files of a carton as a table in markdown."""
    lines = ["| file | size | sha256 |", "| --- | ---: | --- |"]
    lines += [
        f"| {_escaped(row['path'])}{_place(row)} | {row['size']} | {row['sha256'][:12]} |" for row in view["rows"]
    ]
    return "\n\n".join(["\n".join(lines), f"{view['total']} {view['more']}".rstrip()])


def _escaped(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\g<0>", text)


def _place(row: FileView) -> str:
    return f" ({row['place']})" if row["place"] else ""


def _tensors(kind: str, views: list[TensorView]) -> Iterator[str]:
    if views:
        yield f"  {kind}:"
    for view in views:
        yield f"    {tensor(view)}"


def _comparison(row: ComparisonView) -> str:
    what = f"{row['test']}, {row['output']}" if row["output"] else row["test"]
    if not row["passed"]:
        return f"{what}: FAILED, {row['message']}"
    if not row["output"]:
        return f"{what}: ran"
    return f"{what}: {'exact' if row['tolerance'] == 'exact' else 'within ' + row['tolerance']}"
