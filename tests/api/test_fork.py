"""A process that is forked while a model is loaded: the model stays with the process that loaded it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = """
    import gc, os, sys
    import carton_runtime as carton

    model = carton.sync.load(sys.argv[1])
    pid = model.kernel.pid
    model.infer(x=1)
    children = [child for child in (os.fork() for _ in range(2)) if child]
    if len(children) < 2:
        try:
            model.infer(x=1)
        except carton.ModelClosedError as error:
            print("forked:", error, flush=True)
        with carton.sync.load(sys.argv[1]) as own:
            assert own.infer(x=3)["out"] == 6
        del model
        gc.collect()
        os._exit(0 if own.kernel.pid != pid else 1)
    for _ in range(500):
        assert model.infer(x=2)["out"] == 4
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    model.infer(x=1)
    print("codes", codes, "same process", model.kernel.pid == pid)
    model.close()
    """


def test_a_forked_child_is_told_to_load_again_and_its_parent_goes_on(double_carton: Path) -> None:
    script = textwrap.dedent(SCRIPT)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, str(double_carton)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert "codes [0, 0] same process True" in done.stdout, done.stdout
    assert done.stdout.count("was loaded by the process that this one was forked from; load it again") >= 2
