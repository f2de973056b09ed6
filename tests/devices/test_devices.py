"""Which device a model runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from carton_runtime.devices import Device, resolve_device
from carton_runtime.errors import InvalidDeviceError

FIRST, SECOND, THIRD = (f"GPU-{digit * 8}-0000-0000-0000-000000000000" for digit in "abc")
PART, OTHER_PART = (f"MIG-{digit * 8}-0000-0000-0000-000000000000" for digit in "de")
LISTING = f"""\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: {FIRST})
GPU 1: NVIDIA A100-SXM4-80GB (UUID: {SECOND})
  MIG 3g.40gb     Device  0: (UUID: {PART})
  MIG 3g.40gb     Device  1: (UUID: {OTHER_PART})
GPU 2: NVIDIA A100-SXM4-80GB (UUID: {THIRD})
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without GPUs; returns a folder on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.fixture
def gpus(machine: Path) -> None:
    """Three GPUs, the second of which is split."""
    install(machine, f"cat <<'END'\n{LISTING}END")


def install(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\n[ "$1" = -L ] || exit 9\n{script}\n')
    program.chmod(0o755)


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("text", ["cpu", "CPU", "Cpu"])
def test_cpu_means_the_cpu_in_any_case(text: str) -> None:
    assert resolve_device(text) == Device("cpu")


def test_the_cpu_sees_no_gpu() -> None:
    assert Device("cpu").environment() == {"CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("text", [0, "0", None])
def test_the_first_gpu_is_the_default(text: str | int | None) -> None:
    device = resolve_device(text)
    assert device == Device("cuda", uuid=FIRST, index=0)
    assert device.environment() == {"CUDA_VISIBLE_DEVICES": FIRST}


@pytest.mark.usefixtures("gpus")
def test_a_gpu_that_is_split_counts_as_its_parts() -> None:
    assert [resolve_device(index).uuid for index in range(4)] == [FIRST, PART, OTHER_PART, THIRD]


@pytest.mark.usefixtures("machine")
def test_without_gpus_the_default_is_the_cpu_and_nothing_is_said() -> None:
    assert resolve_device() == Device("cpu")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("text", [0, "0", "7"])
def test_an_index_without_a_gpu_means_the_cpu_with_a_remark(text: str | int) -> None:
    remark = f"there is no GPU {text} on this machine, so the model runs on the CPU"
    assert resolve_device(text) == Device("cpu", remark=remark)


@pytest.mark.usefixtures("gpus")
def test_an_index_beyond_the_last_gpu_means_the_cpu_with_a_remark() -> None:
    assert "no GPU 4" in resolve_device(4).remark


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("uuid", [FIRST, PART, f"MIG-{FIRST}/1/0"])
def test_a_uuid_is_taken_as_it_is(uuid: str) -> None:
    assert resolve_device(uuid) == Device("cuda", uuid=uuid)
    assert resolve_device(uuid).environment() == {"CUDA_VISIBLE_DEVICES": uuid}


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    "text", ["", "gpu", "cuda:0", "-1", -1, "1.0", True, "GPU-", "TPU-1", "٣", "GPU-a,GPU-b", f"{FIRST}\n"]
)
def test_anything_else_is_refused(text: str | int) -> None:
    with pytest.raises(InvalidDeviceError, match="is not a device"):
        resolve_device(text)


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        ("2,0", [THIRD, FIRST]),
        (" 2 , 0 ", [THIRD, FIRST]),
        ("1", [PART, OTHER_PART]),
        (THIRD, [THIRD]),
        ("GPU-cc", [THIRD]),
        (f"{OTHER_PART},{FIRST}", [OTHER_PART, FIRST]),
        (SECOND, [PART, OTHER_PART]),
        ("0,9,2", [FIRST]),
        ("0,-1,2", [FIRST]),
        ("GPU-unknown", []),
        ("MIG-unknown", []),
        ("NoDevFiles", []),
        ("", []),
    ],
)
def test_indices_count_what_cuda_visible_devices_leaves(
    monkeypatch: pytest.MonkeyPatch, visible: str, uuids: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [resolve_device(index).uuid for index in range(len(uuids))] == uuids
    assert resolve_device(len(uuids)).kind == "cpu"


@pytest.mark.usefixtures("machine")
def test_visible_devices_without_a_driver_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", FIRST)
    assert resolve_device() == Device("cpu")


def test_an_nvidia_smi_that_fails_means_no_gpus(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    install(machine, "exit 9")
    assert resolve_device() == Device("cpu")
    assert "nvidia-smi" in caplog.text


def test_devices_are_shown_as_what_they_are() -> None:
    assert [str(Device("cpu")), str(Device("cuda", uuid=FIRST, index=0))] == ["cpu", FIRST]
