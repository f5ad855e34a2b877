"""What a process that has just begun loads, and what it keeps of its memory."""

import os
import platform
import subprocess
import sys

from isoloss.compute.machine.memory import keep_freed_memory

BATCHES = """
import ctypes
import resource
import torch
from isoloss.compute.machine.memory import keep_freed_memory

ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of the usual size

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def batch():
    before = faults()
    activations = [torch.ones(6_000_000) for _ in range(5)]
    return faults() - before

plain = [batch() for _ in range(2)]
kept = keep_freed_memory()
print(int(kept), *plain, *(batch() for _ in range(4)))
"""


def test_importing_isoloss_or_asking_for_help_loads_no_torch_and_no_opengl():
    code = (
        "import sys, isoloss, isoloss.cli.main\n"
        "try: isoloss.cli.main.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'OpenGL', 'imgui_bundle', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_matplotlib_is_loaded_for_curves_alone():
    code = (
        "import sys, numpy as np, isoloss\n"
        "import isoloss.gl.pictures.picture, isoloss.figures.draw\n"
        "assert 'matplotlib' not in sys.modules\n"
        "x = np.linspace(0, 1, 5)\n"
        "isoloss.render(isoloss.Surface.from_loss(x, np.zeros(1), x[:, None]), size=(90, 60))\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_process_keeps_what_it_frees_once_it_is_asked_to():
    if platform.libc_ver()[0] != "glibc":
        assert not keep_freed_memory()
        return
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUN"))}
    command = [sys.executable, "-c", BATCHES]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=True)
    kept, first, second, *_, last = map(int, done.stdout.split())
    assert kept
    pages = 5 * 6_000_000 * 4 // os.sysconf("SC_PAGE_SIZE")
    assert min(first, second) > 0.9 * pages
    assert last < 0.3 * pages
