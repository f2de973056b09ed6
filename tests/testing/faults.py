"""Faults that a runner may have: which check of the suite has to find each, and the words that it is found by.

Each changes the example runner, which passes as it stands.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """What is wrong with a runner.

    Attributes:
        check: the check of the suite that finds it.
        words: what pytest says then.
        inflict: does it to the runner in a folder.
    """

    check: str
    words: str
    inflict: Callable[[Path], None]


def _toml(check: str, words: str, *changes: tuple[str, str]) -> Fault:
    """Other text in ``runner.toml``."""

    def inflict(folder: Path) -> None:
        file = folder / "runner.toml"
        text = file.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")

    return Fault(f"test_{check}", words, inflict)


def _code(check: str, words: str, code: str) -> Fault:
    """More code at the end of ``main.py``."""

    def inflict(folder: Path) -> None:
        with (folder / "main.py").open("a", encoding="utf-8") as file:
            file.write(code)

    return Fault(f"test_{check}", words, inflict)


def _model(check: str, words: str, methods: str) -> Fault:
    """Other methods of the model."""
    return _code(check, words, f"\nclass Model(Model):\n{textwrap.indent(textwrap.dedent(methods), '    ')}")


def _load(check: str, words: str, before: str) -> Fault:
    """Something that happens before a model is loaded."""
    body = textwrap.indent(textwrap.dedent(before), "    ")
    return _code(check, words, f"\n_load = load\n\ndef load(request):\n{body}\n    return _load(request)\n")


# Loads one model at a time on the whole machine, and does not notice that the last has ended.
LOCK = """
import tempfile
open(os.path.join(tempfile.gettempdir(), "lock"), "x").close()
"""

# Works on what the call before this one got.
LATE = """
def infer(self, tensors):
    tensors, self._before = getattr(self, "_before", tensors), tensors
    return super().infer(tensors)
"""

STUBBORN = """
def waits(self, tensors):
    until = time.monotonic() + float(tensors["seconds"])
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except BaseException:
            pass
    return tensors
"""

CATALOG = [
    _toml("its_runner_toml_can_be_read", "speaks interface 1", ("interface_version = 2", "interface_version = 1")),
    _toml("its_runner_toml_can_be_read", "has no runner.toml, or one without", ("[[runner]]", "runner = []\n[[x]]")),
    _toml("its_code_is_where_its_runner_toml_says", "there is no main.py", ('path = "."', 'path = "src"')),
    _toml(
        "its_models_get_this_runner_and_no_other",
        "the newest of 2 that fit",
        ('name = "example"', 'name = "noop"'),
        ("date = 2026", "date = 2020"),
    ),
    _toml("its_models_get_this_runner_and_no_other", "for toaster", ('path = "."', 'path = "."\nplatform = "toaster"')),
]

LOADING = [
    _load("a_folder_is_loaded_and_its_model_is_ready", "no licence", "raise OSError('no licence')"),
    _load(
        "a_packed_model_is_loaded",
        "no link",
        "if not os.path.islink(request.model_dir): raise OSError('it is no link')",
    ),
    _load("two_models_are_loaded_at_once_and_do_not_meet", "File exists", LOCK),
    _code(
        "a_model_that_is_unfit_is_refused_with_words", "KernelDiedError", "\ndef UnfitModelError(text): os._exit(3)\n"
    ),
    _model("a_model_that_is_unfit_is_refused_with_words", "DID NOT RAISE", "unfit = None"),
    _model("a_runner_option_reaches_it", "zwei", "def options(self, tensors): return {'option': 'one'}"),
    _load("a_model_sees_the_device_that_was_chosen", "assert '0' ==", "os.environ['CUDA_VISIBLE_DEVICES'] = '0'"),
]

TENSORS = [
    _model("every_dtype_comes_back_in_every_shape", ".shape", "def _copied(self, array): return array.reshape(-1)"),
    _model("every_dtype_comes_back_in_every_shape", ".dtype", "def _copied(self, array): return array.astype('f8')"),
    _model("every_dtype_comes_back_in_every_shape", "came back", "def _copied(self, array): return 0 + array[()]"),
    _model("an_array_comes_back_however_it_lies_in_memory", ".shape", "def _copied(self, array): return array.T"),
    _model("a_large_tensor_comes_back", ".shape", "def _copied(self, array): return array[:9999]"),
    _model("a_tensor_in_shared_memory_comes_back", "came back", "def _copied(self, array): return array[::-1]"),
    _model("many_strings_come_back", ".shape", "def _copied(self, array): return array[:9999]"),
    _model(
        "a_result_stays_what_it_was_while_others_follow",
        "came back",
        """
        def _copied(self, array):
            if getattr(self, "_buffer", array[:0]).shape != array.shape:
                self._buffer = alloc_tensor(array.shape, array.dtype)
            self._buffer[...] = array
            return self._buffer
        """,
    ),
    _model(
        "tensors_keep_their_names", "a name with", "def names(self, tensors): return dict(list(tensors.items())[:2])"
    ),
    _model(
        "a_nested_tensor_comes_back", "not ndarray", "def nested(self, tensors): return {'x': list(tensors['x'])[0]}"
    ),
]

CALLS = [
    _model(
        "what_a_model_raises_reaches_the_caller_with_its_traceback",
        "it says which exception",
        "def fails(self, tensors): raise UnfitModelError('it was asked to')",
    ),
    _model(
        "what_a_model_raises_reaches_the_caller_with_its_traceback",
        "DID NOT RAISE",
        "def fails(self, tensors): return tensors",
    ),
    _model(
        "a_model_that_raised_goes_on_in_the_same_process",
        "KernelDiedError",
        "def fails(self, tensors): return os._exit(1) if tensors['fail'] else tensors",
    ),
    _model(
        "a_model_that_raised_goes_on_in_the_same_process",
        "it is broken",
        """
        def fails(self, tensors):
            if getattr(self, "_broken", False):
                raise RuntimeError("it is broken")
            self._broken = bool(tensors["fail"])
            return super().fails(tensors)
        """,
    ),
    _model("of_calls_in_flight_each_gets_its_own_result", ".shape", LATE),
    _model("of_calls_in_flight_only_those_fail_that_raise", "assert [", LATE),
    _model("a_call_whose_task_is_cancelled_leaves_the_model_usable", "did not stop within", STUBBORN),
    _model("a_call_that_times_out_leaves_the_model_usable", "did not stop within", STUBBORN),
]

STREAMS = [
    _model(
        "a_stream_gives_each_item_in_order", "assert [", "def streams(self, tensors): return {'item': tensors['items']}"
    ),
    _model(
        "a_stream_gives_each_item_in_order",
        "assert [",
        "def streams(self, tensors): return ({'item': i} for i in range(min(50, tensors['items'])))",
    ),
    _model(
        "infer_gives_the_last_item_of_a_stream",
        "== 6",
        "def streams(self, tensors): return ({'item': i} for i in reversed(range(tensors['items'])))",
    ),
    _model(
        "a_stream_that_is_left_early_stops_and_leaves_the_model_usable",
        "one stream at a time",
        """
        def streams(self, tensors):
            if getattr(self, "_is_streaming", False):
                raise RuntimeError("one stream at a time")
            self._is_streaming = True
            yield from super().streams(tensors)
            self._is_streaming = False
        """,
    ),
    _model(
        "two_streams_do_not_mix",
        "assert [",
        """
        def streams(self, tensors):
            self._item = -1
            for _ in range(tensors["items"]):
                self._item += 1
                yield {"item": self._item}
        """,
    ),
]

SEALING = [
    _model(
        "what_was_sealed_is_what_the_model_runs_on",
        ".shape",
        """
        def infer(self, tensors):
            self._sealed = {handle: tensors for handle in self._sealed}
            return super().infer(tensors)
        """,
    ),
    _model(
        "handles_serve_in_any_order",
        ".shape",
        "def infer_with_handle(self, handle): return self.infer(self._sealed.pop(min(self._sealed)))",
    ),
    _model(
        "a_handle_serves_once",
        "DID NOT RAISE",
        "def infer_with_handle(self, handle): return self.infer(self._sealed[handle])",
    ),
    _model(
        "a_handle_that_was_never_given_is_an_error",
        "DID NOT RAISE",
        "def infer_with_handle(self, handle): return self.infer(self._sealed.popitem()[1])",
    ),
    _load("a_handle_of_another_process_is_an_error", "File exists", LOCK),
]

LIFE = [
    _load("what_a_model_prints_is_in_its_log", "assert []", "import io, sys; sys.stdout = io.StringIO()"),
    _load("a_model_whose_process_is_killed_says_so_and_comes_back", "File exists", LOCK),
    _load("a_model_that_is_closed_leaves_nothing_behind", "file lock", LOCK),
    _load("a_model_that_is_closed_while_it_computes_leaves_nothing_behind", "file lock", LOCK),
]

FAULTS = [*CATALOG, *LOADING, *TENSORS, *CALLS, *STREAMS, *SEALING, *LIFE]
