"""The model of the bench: one carton, many behaviours, chosen by the option ``model.behaviour``."""

from __future__ import annotations

import asyncio
import time

import numpy as np

ROW = np.arange(5, dtype=np.float32)


def load(behaviour: str = "echo", bytes_out: int = 0):
    """The model that behaves so; `bytes_out` sizes the result of ``answer``."""
    return globals()[behaviour.title()](bytes_out)


class Echo:
    """Gives back what it gets."""

    def __init__(self, bytes_out: int) -> None:
        self.out = {"x": np.zeros(bytes_out // 4, np.float32)}

    def infer_with_tensors(self, tensors):
        return tensors


class Answer(Echo):
    """Gives the same array of its own every time: every byte must travel, in and out."""

    def infer_with_tensors(self, tensors):
        return self.out


class Shared(Echo):
    """Writes one number into a shared output of the size of its input, or what stands for that here."""

    def __init__(self, bytes_out: int) -> None:
        from carton_runner.api import alloc_tensor

        self.alloc = alloc_tensor
        self.size = bytes_out // 4

    def infer_with_tensors(self, tensors):
        out = self.alloc((self.size,), np.float32)
        out[0] = tensors["x"][0]
        return {"x": out}


class Busy(Echo):
    """Computes for 1 ms and says how long it really took."""

    def infer_with_tensors(self, tensors):
        start = time.perf_counter()
        while (took := time.perf_counter() - start) < 0.001:
            pass
        return {"took": np.float64(took)}


class Asleep(Echo):
    """Waits for 1 ms, as a model that waits for a GPU does, and says how long it really took."""

    def infer_with_tensors(self, tensors):
        start = time.perf_counter()
        time.sleep(0.001)
        return {"took": np.float64(time.perf_counter() - start)}


class Many(Echo):
    """Takes several calls at once, and gives back what it gets."""

    max_concurrency = 16


class Overlapping(Many):
    """Waits for 1 ms in an ``async def``, so that calls can overlap."""

    async def infer_with_tensors(self, tensors):
        await asyncio.sleep(0.001)
        return tensors


class Stream(Echo):
    """Yields as many small items as it is asked for."""

    def infer_with_tensors(self, tensors):
        for _ in range(int(tensors["n"])):
            yield {"x": ROW}
