"""How many processors this process may use, and how PyTorch's threads are told to wait."""

import math
import os
import sys

import pytest

from isoloss.system import priority, processors
from isoloss.system.processors import allotted, quota, settle

V2 = "30 23 0:26 {} {} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 {} {} rw,relatime - cgroup cgroup rw,cpu,cpuacct"
OTHER = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Builds a root in which the process is in control groups; it has 8 processors."""
    monkeypatch.setattr(processors, "_mask", lambda: {*range(8)})

    def build(groups, mounts, files):
        (tmp_path / "proc/self").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc/self/cgroup").write_text("\n".join(groups) + "\n")
        (tmp_path / "proc/self/mountinfo").write_text("\n".join([OTHER, *mounts]) + "\n")
        for place, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return build


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "expected"),
    [
        # A container of its own namespace sees its group as the root.
        (["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "250000 100000"}, 2.5),
        (["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "max 100000"}, math.inf),
        # Nested: the least of all counts, here the one in the middle.
        (
            ["0::/user.slice/job/step"],
            [V2.format("/", "/sys/fs/cgroup")],
            {
                "user.slice/job/step/cpu.max": "400000 100000",
                "user.slice/job/cpu.max": "150000 50000",
                "user.slice/cpu.max": "max 100000",
            },
            3.0,
        ),
        # Version 1, whose mount shows the container's group alone.
        (
            ["4:cpu,cpuacct:/docker/ab", "3:memory:/docker/ab"],
            [V1.format("/docker/ab", "/sys/fs/cgroup/cpu")],
            {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"},
            0.5,
        ),
        (
            ["4:cpuacct,cpu:/slurm/uid_1/job_2", "0::/"],
            [V1.format("/", "/sys/fs/cgroup/cpu"), V2.format("/", "/sys/fs/cgroup/unified")],
            {
                "cpu/slurm/uid_1/job_2/cpu.cfs_quota_us": "-1",
                "cpu/slurm/uid_1/job_2/cpu.cfs_period_us": "100000",
                "cpu/slurm/uid_1/cpu.cfs_quota_us": "600000",
                "cpu/slurm/uid_1/cpu.cfs_period_us": "100000",
            },
            6.0,
        ),
        # A path outside of what is mounted, a name with a space, a name that begins like another's.
        (["0::/../x"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "100000 100000"}, 1.0),
        (["0::/a"], [V2.format("/", r"/sys/fs/cgroup/my\040own")],
         {"my own/a/cpu.max": "700000 100000"}, 7.0),
        (["0::/ab"], [V2.format("/a", "/sys/fs/cgroup")],
         {"cpu.max": "200000 100000", "b/cpu.max": "100000 100000"}, 2.0),
        (["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "nonsense"}, math.inf),
        (["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "100000 0"}, math.inf),
    ],
)  # fmt: skip
def test_the_least_quota_of_nested_groups_counts(machine, groups, mounts, files, expected):
    assert quota(machine(groups, mounts, files)) == expected


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert quota(tmp_path) == math.inf


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, 3),  # 2.5 processors' time keeps three threads at work
        ({"SLURM_CPUS_PER_TASK": "2"}, 2),
        ({"SLURM_CPUS_PER_TASK": "64"}, 3),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": " 5,2"}, 5),  # of nested levels the first
        ({"OMP_NUM_THREADS": "many"}, 3),
        ({"OMP_NUM_THREADS": "5", "OMP_THREAD_LIMIT": "4"}, 4),
        ({"OMP_THREAD_LIMIT": "2"}, 2),
    ],
)
def test_as_many_as_are_allotted(machine, environment, expected):
    root = machine(["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "250000 100000"})
    assert allotted(environment, root) == expected


def test_a_mask_of_one_processor_leaves_one():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert allotted({}) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_openmp_is_told_to_sleep_soon(tmp_path):
    environment = {}
    settle(environment, tmp_path)
    assert environment["GOMP_SPINCOUNT"] == "1000"
    assert environment["KMP_BLOCKTIME"] == "1"
    assert "OMP_NUM_THREADS" not in environment  # all of the machine is ours


@pytest.mark.parametrize(
    "name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"]
)
def test_what_the_user_has_chosen_stays(tmp_path, name):
    environment = {name: "as they like"}
    settle(environment, tmp_path)
    assert environment == {name: "as they like"}


def test_what_is_about_other_things_is_no_choice(tmp_path):
    environment = {"KMP_DUPLICATE_LIB_OK": "TRUE"}
    settle(environment, tmp_path)
    assert "KMP_BLOCKTIME" in environment


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "3"),
        ({"SLURM_CPUS_PER_TASK": "1"}, "1"),
        ({"OMP_NUM_THREADS": "8"}, "8"),
        ({"MKL_NUM_THREADS": "8"}, None),
    ],
)
def test_threads_are_as_many_as_a_quota_feeds(machine, environment, expected):
    root = machine(["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "250000 100000"})
    settle(environment, root)
    assert environment.get("OMP_NUM_THREADS") == expected


def test_a_quota_of_more_than_all_cores_changes_no_threads(machine):
    """PyTorch begins one thread a core; two of these eight processors share each."""
    root = machine(["0::/"], [V2.format("/", "/sys/fs/cgroup")], {"cpu.max": "600000 100000"})
    for k in range(8):
        place = root / f"sys/devices/system/cpu/cpu{k}/topology"
        place.mkdir(parents=True)
        (place / "core_cpus_list").write_text(f"{k // 2 * 2}-{k // 2 * 2 + 1}\n")
    environment = {}
    settle(environment, root)
    assert "OMP_NUM_THREADS" not in environment


def test_who_steps_back_never_comes_forward(monkeypatch):
    nice = {0: 0, 7: 15}
    monkeypatch.setattr(os, "getpriority", lambda _, pid: nice[pid])
    monkeypatch.setattr(os, "setpriority", lambda _, pid, value: nice.update({pid: value}))
    priority.step_back()
    priority.put_behind(7)
    assert nice == {0: priority.NICENESS, 7: 15}


def test_what_the_system_refuses_costs_nothing(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    priority.step_back()
    priority.put_behind(os.getpid() if sys.platform == "win32" else 2**22 + 1)
