"""Which device is taken, and why one cannot be: PyTorch's answers are played back."""

from __future__ import annotations

import sys
import warnings

import pytest
import torch

from isoloss.compute.machine import unusable
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.unusable import unused_gpu
from isoloss.errors import IsolossError

TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 12020). Please update your GPU "
    "driver by downloading and installing a new version"
)
NO_DRIVER = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"
NO_KERNEL = (
    "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors "
    "might be asynchronously reported at some other API call"
)


class Machine:
    """What PyTorch says of a machine with NVIDIA's GPUs."""

    def __init__(self, monkeypatch):
        self.count, self.fails, self.tried = 1, "", []
        self._patch = monkeypatch
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.delenv("LOCAL_RANK", raising=False)
        self.said("sys.platform", "linux")
        self.said("_has_nvidia_driver", lambda: True)
        cuda = torch.cuda
        monkeypatch.setattr(torch.version, "cuda", "13.0")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        monkeypatch.setattr(cuda, "is_available", lambda: self.count > 0)
        monkeypatch.setattr(cuda, "device_count", lambda: self.count)
        monkeypatch.setattr(cuda, "current_device", lambda: 0)
        monkeypatch.setattr(cuda, "get_device_name", lambda _: "NVIDIA GeForce GTX 1080")
        monkeypatch.setattr(cuda, "get_device_capability", lambda _: (6, 1))
        monkeypatch.setattr(cuda, "get_arch_list", lambda: ["sm_75", "sm_90"])
        monkeypatch.setattr(torch, "ones", self._ones)

    def said(self, name, value):
        self._patch.setattr(f"isoloss.compute.machine.unusable.{name}", value)

    def has_none(self, why):
        """No GPU can be used, and PyTorch says why where it is asked to begin."""
        self.count = 0

        def warn():
            warnings.warn(f"CUDA initialization: {why}", stacklevel=1)
            return False

        def begin():
            raise RuntimeError(why)

        self._patch.setattr(torch.cuda, "is_available", warn)
        self._patch.setattr(torch.cuda, "init", begin)

    def _ones(self, n, device):
        self.tried.append(str(device))
        if self.fails:
            raise RuntimeError(self.fails)
        return torch.zeros(n)


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


@pytest.fixture(autouse=True)
def nothing_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_gpu_on_which_a_kernel_runs_is_taken(machine):
    machine.count = 2
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert machine.tried == ["cuda:0", "cuda:0", "cuda:1"]
    assert unused_gpu() is None
    with pytest.raises(IsolossError, match="no device 'cuda:2': choose cuda, or cuda:0 to cuda:1"):
        choose_device("cuda:2")


def test_each_process_tries_its_own(machine, monkeypatch):
    """A kernel on another one's would cost it half a gigabyte."""
    machine.count = 4
    monkeypatch.setenv("LOCAL_RANK", "3")
    choose_device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "6")
    choose_device("auto")
    assert machine.tried == ["cuda:3", "cuda:2"]


def test_a_gpu_too_old_for_this_pytorch_is_one(machine):
    machine.fails = NO_KERNEL
    with pytest.raises(IsolossError, match=r"no kernels for NVIDIA .* 1080 .*6\.1, it has sm_75"):
        choose_device("cuda")
    assert choose_device("auto") == torch.device("cpu")
    assert "whl/cu126" in str(unused_gpu())


@pytest.mark.parametrize(
    "fails",
    ["CUDA error: all CUDA-capable devices are busy or unavailable", "CUDA error: out of memory"],
)
def test_what_else_is_wrong_with_it_is_told_in_one_line(machine, fails):
    machine.fails = f"{fails}\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
    with pytest.raises(IsolossError, match="1080 cannot be used") as raised:
        choose_device("cuda")
    assert fails in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_driver_too_old_for_this_pytorch_is_one(machine):
    machine.has_none(TOO_OLD)
    with pytest.raises(IsolossError, match=r"driver is too old .* built for CUDA 13\.0: update"):
        choose_device("cuda:0")
    assert choose_device("auto") == torch.device("cpu")
    assert "too old" in str(unused_gpu())


def test_a_machine_without_a_driver_has_no_such_device(machine):
    machine.has_none(NO_DRIVER)
    machine.said("_has_nvidia_driver", lambda: False)
    with pytest.raises(IsolossError, match="this machine has no device 'cuda': --device auto"):
        choose_device("cuda")
    assert choose_device("auto") == torch.device("cpu")
    assert unused_gpu() is None


def test_a_pytorch_without_cuda_says_where_there_is_one_with_it(machine, monkeypatch):
    machine.has_none("Torch not compiled with CUDA enabled")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(IsolossError, match=r"built without CUDA: pip install .*whl/cu130"):
        choose_device("cuda")
    assert "without CUDA" in str(unused_gpu())
    machine.said("_has_nvidia_driver", lambda: False)
    with pytest.raises(IsolossError, match="no device 'cuda', and this PyTorch is built without"):
        choose_device("cuda")
    machine.said("sys.platform", "win32")
    with pytest.raises(IsolossError, match="built without CUDA: pip install"):
        choose_device("cuda")


def test_gpus_that_are_hidden_are(machine, monkeypatch):
    machine.has_none("No CUDA GPUs are available")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(IsolossError, match="CUDA_VISIBLE_DEVICES hides all GPUs"):
        choose_device("cuda")
    assert unused_gpu() is None


def test_macs_have_no_cuda_and_others_no_mps(machine, monkeypatch):
    with pytest.raises(IsolossError, match="no device 'mps': --device auto"):
        choose_device("mps")
    machine.has_none("Torch not compiled with CUDA enabled")
    machine.said("sys.platform", "darwin")
    with pytest.raises(IsolossError, match="Macs have no device 'cuda': choose mps or cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: False)
    with pytest.raises(IsolossError, match="built without MPS"):
        choose_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("mps") == torch.device("mps")


@pytest.mark.parametrize("name", ["gpu", "meta", "xpu", "cuda:x", "", "cpu:"])
def test_what_is_no_device_is_none(machine, name):
    with pytest.raises(IsolossError, match="choose auto, cpu, cuda or mps"):
        choose_device(name)
    assert sys.modules["isoloss.compute.machine.unusable"] is unusable
