"""The states of a panel's regions, out of what the runtime knows: the card, the kernel strip, loads and self tests."""

from __future__ import annotations

from collections.abc import Sequence

import carton_runtime as carton
from carton_jupyter.presenter import markdown
from carton_jupyter.presenter.cache_view import size_text
from carton_jupyter.presenter.failure_view import error_view
from carton_jupyter.presenter.files_view import FilesView, files_view
from carton_jupyter.presenter.panel_view import (
    CardState,
    ErrorView,
    KernelStrip,
    LoadPhase,
    LoadState,
    PlacedFile,
    ReportPhase,
    ReportState,
)
from carton_jupyter.presenter.view import CardView, duration_text, info_view, report_view

_MOST_FILES = 50
_SPARK = 40  # calls


def card_state(info: carton.CartonInfo, kernel: carton.Kernel | None = None) -> CardState:
    """What a carton says; reads pictures that are at hand, and must not be called on the background loop.

    Args:
        info: what it says.
        kernel: the process that runs its model, if one does.
    """
    view, table = info_view(info), _table(info)
    files = files_view(table, _MOST_FILES) if table is not None else None
    return {
        "title": view["title"],
        "summary": view["summary"],
        "license": info.license or "",
        "hash": info.model_hash or "",
        "links": view["links"],
        "platforms": view["platforms"],
        "runner": view["runner"],
        "reason": kernel.spec.reason if kernel is not None else "",
        "size": size_text(table.size) if table is not None else "",
        "verified": _verified(info, table, kernel),
        "description_html": _description(view),
        "inputs": view["inputs"],
        "outputs": view["outputs"],
        "files": _files(files),
        "files_total": ", ".join(filter(None, [files["total"], files["more"]])) if files else _counted(info),
    }


def kernel_strip(kernel: carton.Kernel | None) -> KernelStrip:
    """How the process of a model is; all empty when there is none."""
    if kernel is None:
        return {
            "state": "", "about": "", "memory": "", "calls": "", "latency": "", "spark": [], "queued": 0, "error": "",
        }  # fmt: skip
    statistics, memory = kernel.statistics, kernel.resident_memory
    latency, python = statistics.latency, f"python {kernel.python}" if kernel.python else ""
    return {
        "state": kernel.state.value,
        "about": " · ".join(filter(None, [python, kernel.device, f"pid {kernel.pid}"])),
        "memory": size_text(memory) if memory else "",
        "calls": f"{statistics.calls:,} call{'' if statistics.calls == 1 else 's'}",
        "latency": f"p50 {duration_text(latency.p50)}" if latency else "",
        "spark": [round(seconds * 1e3, 4) for seconds in statistics.last(_SPARK)],
        "queued": kernel.queued,
        "error": statistics.last_error.split("\n")[0],
    }


def load_state(
    phase: LoadPhase, event: carton.Event | None = None, error: BaseException | None = None, hint: str = ""
) -> LoadState:
    """Where a model is in its life.

    Args:
        phase: where.
        event: the last of the step that runs, while it loads.
        error: why it failed.
        hint: what to say beside it.
    """
    shown: ErrorView | None = error_view(error) if error is not None else None
    fraction = min(event.done / event.total, 1.0) if event is not None and event.total else None
    status = _progress(event) if event is not None else "loading" if phase == "loading" else ""
    return {"phase": phase, "hint": hint, "status": status, "fraction": fraction, "error": shown}


def load_hint(info: carton.CartonInfo) -> str:
    """What loading a carton takes, as far as that is known before."""
    is_far = "://" in (info.location or "") and not (info.location or "").startswith("file:")
    table = _table(info)
    downloads = f"downloads {size_text(table.size)}" if is_far and table is not None else "downloads it" * is_far
    return " · ".join(filter(None, [downloads, "builds an environment where there is none yet"]))


def report_state(
    phase: ReportPhase,
    names: Sequence[str],
    report: carton.SelfTestReport | None = None,
    error: BaseException | None = None,
) -> ReportState:
    """How the self tests went, once they have.

    Args:
        phase: where they stand.
        names: of all of them.
        report: how they went.
        error: why they could not be run.
    """
    view = report_view(report) if report is not None else None
    return {
        "phase": phase,
        "names": list(names),
        "passed": view["passed"] if view else 0,
        "total": len(names),
        "rows": view["rows"] if view else [],
        "error": error_view(error) if error is not None else None,
    }


def _description(view: CardView) -> str:
    return str(markdown.render(view["description"], view["pictures"])) if view["description"] else ""


def _table(info: carton.CartonInfo) -> carton.FileTable | None:
    """The list of the files, where it is at hand: a card fetches nothing."""
    return info.files.get_blocking() if info.files is not None and info.files.is_at_hand else None


def _files(view: FilesView | None) -> list[PlacedFile]:
    rows = view["rows"] if view is not None else []
    return [{"path": row["path"], "size": row["size"], "place": row["place"]} for row in rows]


def _counted(info: carton.CartonInfo) -> str:
    return f"{info.files.count:,} files" if info.files is not None else ""


def _verified(info: carton.CartonInfo, table: carton.FileTable | None, kernel: carton.Kernel | None) -> str:
    """What was compared with its hash: all that a loaded model came from, and else what describes it."""
    if kernel is not None and table is not None:
        return f"{len(table):,} files · {size_text(table.size)} verified"
    return "description verified" if info.model_hash else ""


def _progress(event: carton.Event) -> str:
    parts = [event.message or event.step]
    if event.total and event.unit == "B":
        parts.append(f"{size_text(event.done)} of {size_text(event.total)}")
    elif event.total:
        parts.append(f"{event.done:,} of {event.total:,} {event.unit}")
    if event.total and event.rate and event.remaining is not None and event.unit == "B":
        parts += [f"{size_text(event.rate)}/s", f"{event.remaining:.0f} s left"]
    return " · ".join(parts)
