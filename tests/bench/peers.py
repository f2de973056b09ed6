"""Other ways to call code in another process: each gives what to call, as a context."""

from __future__ import annotations

import importlib.util
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np

Call = Callable[[], object]


_PIPE = """
import sys
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
while True:
    try:
        connection.send(connection.recv())
    except EOFError:
        break
"""


@contextmanager
def pipe(array: np.ndarray) -> Iterator[Call]:
    """`multiprocessing.Pipe` and pickled arrays."""
    ours, theirs = multiprocessing.Pipe()
    # No `multiprocessing.Process`, which would leave a resource tracker behind.
    command = [sys.executable, "-c", _PIPE, str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()]):
        theirs.close()

        def call() -> object:
            ours.send(array)
            return ours.recv()

        with ours:  # the peer ends with it
            yield call


def _same(array: np.ndarray) -> np.ndarray:
    return array


@contextmanager
def loky(array: np.ndarray) -> Iterator[Call]:
    """An executor of loky's with one process."""
    import loky

    executor = loky.ProcessPoolExecutor(max_workers=1)
    try:
        yield lambda: executor.submit(_same, array).result()
    finally:
        executor.shutdown(wait=True, kill_workers=True)


@contextmanager
def ray(array: np.ndarray) -> Iterator[Call]:
    """An actor of Ray's."""
    import ray

    class Echo:
        def infer(self, array):
            return array

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        actor = ray.remote(Echo).remote()
        yield lambda: ray.get(actor.infer.remote(array))
    finally:
        ray.shutdown()


@contextmanager
def appose(array: np.ndarray) -> Iterator[Call]:
    """A worker of appose's, with the array in its shared memory: written there and copied out."""
    import appose

    here = appose.custom().base(sys.prefix).build()  # its `wrap` would download a uv of its own
    with here.python() as service, appose.NDArray(array.dtype.name, list(array.shape)) as shared:

        def call() -> object:
            np.copyto(shared.ndarray(), array)
            service.task("task.outputs['same'] = x", {"x": shared}).wait_for()
            return shared.ndarray().copy()

        yield call


PEERS: dict[str, tuple[str, Callable[[np.ndarray], AbstractContextManager[Call]]]] = {
    "Pipe": ("multiprocessing", pipe),
    "loky": ("loky", loky),
    "appose": ("appose", appose),
    "Ray": ("ray", ray),
}
"""By name: the module that must be there, and the context."""


def is_installed(module: str) -> bool:
    """Whether a peer can be measured here."""
    return importlib.util.find_spec(module) is not None
