"""Units of work mapped over several ranks: all done once, whoever is slow, late, broken or gone.

The ranks are threads here, around one real store; tests/e2e has processes.
"""

import itertools
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import torch.distributed as dist

from isoloss import IsolossError
from isoloss.compute.machine import torchrun_group
from isoloss.compute.machine.process_group import ProcessGroup, Ranks
from isoloss.compute.machine.session_store import SessionStore, Waits, join
from isoloss.compute.machine.torchrun_group import Follower, Leader, process_group

UNITS = [(i, j, 10 * j, 10 * j + 10) for i in range(30) for j in range(4)]
QUICK = Waits(heartbeat=0.01)


def product(unit):
    i, j, first, end = unit
    return f"{(i + 1) * (j + 1) * (end - first)}".encode()


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.002)


class OneConnection(dist.TCPStore):
    """Connections cost seconds where a resolver is slow; nothing here waits inside the store."""

    def clone(self):
        return self


@pytest.fixture
def store():
    """A store such as torchrun keeps."""
    return OneConnection("127.0.0.1", 0, None, True, timedelta(seconds=30), False)


def session(store):
    """What the newest rank 0 and its followers write."""
    return SessionStore(store, SessionStore(store, "").read("session").decode())


@contextmanager
def members(store, follower_does, world=3, waits=QUICK, ends=None):
    """Rank 0's group, while every other rank runs `follower_does(its group)` in a thread; the
    futures of those. Codes with which followers would end their processes go to `ends`."""

    def follow(rank):
        ranks = Ranks(rank, rank, world, world)
        group = Follower(ranks, store, waits, ([] if ends is None else ends).append)
        try:
            return follower_does(group)
        finally:
            group.close()

    with ThreadPoolExecutor(world - 1) as pool:
        futures = [pool.submit(follow, rank) for rank in range(1, world)]
        leader = Leader(Ranks(0, 0, world, world), store, waits)
        try:
            yield leader, futures
        finally:
            leader.close()


def test_one_process_maps_units_by_itself_without_torch():
    script = """
import sys
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.torchrun_group import process_group
group = process_group()
assert group.ranks == Ranks(0, 0, 1, 1)
assert list(group.map([(3,), (1,)], lambda u: bytes(u))) == [((3,), b"\\3"), ((1,), b"\\1")]
assert group.broadcast("word", b"value") == b"value"
assert group.failure is None
assert group.units_done == "units: rank 0 2"
group.close()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_torchruns_environment_says_which_rank_this_is(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "8")  # somebody else's
    assert Ranks.current() == Ranks(rank=0, local_rank=0, world=1, local_world=1)
    for name, value in {"RANK": 5, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": 4}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert Ranks.current() == Ranks(rank=5, local_rank=1, world=8, local_world=4)


def test_every_unit_is_done_once_by_whoever_is_free(store, monkeypatch):
    monkeypatch.setattr(torchrun_group, "UNITS_IN_A_ROUND", 50)
    all_have_one = threading.Barrier(3, timeout=30)
    done = {0: [], 1: [], 2: []}

    def working_as(rank):
        def work(unit):
            if not done[rank]:
                all_have_one.wait()
            done[rank].append(unit)
            return product(unit)

        return work

    with members(store, lambda group: group.serve(working_as(group.ranks.rank))) as (
        leader,
        futures,
    ):
        results = list(leader.map(UNITS, working_as(0)))
        tally = leader.units_done
        leader.release()
        assert [f.result(30) for f in futures] == [None, None]
    assert sorted(itertools.chain(*done.values())) == UNITS
    assert len(results) == len(UNITS)
    assert dict(results) == {u: str((u[0] + 1) * (u[1] + 1) * 10).encode() for u in UNITS}
    counts = ", ".join(f"rank {r} {len(units)}" for r, units in done.items())
    assert tally == f"units: {counts}"


def test_results_of_a_hundred_kilobytes_arrive_whole(store):
    def work(unit):
        return bytes((unit[0] * k) % 256 for k in range(100_000))

    begun = threading.Event()

    def others(unit):
        begun.set()
        return work(unit)

    def patiently(unit):
        assert begun.wait(30)
        return work(unit)

    with members(store, lambda group: group.serve(others)) as (leader, _):
        results = dict(leader.map([(i,) for i in range(1, 9)], patiently))
        leader.release()
    for i in range(1, 9):
        assert results[(i,)] == (bytes(i * k % 256 for k in range(256)) * 391)[:100_000]


def test_what_a_frozen_rank_keeps_is_done_by_rank_0_and_its_late_result_is_dropped(store):
    impatient = replace(QUICK, straggler=0.1)
    frozen, thawed = threading.Event(), threading.Event()

    def late(unit):
        return f"late {unit}".encode()

    def freeze(unit):
        frozen.set()
        assert thawed.wait(30)
        return late(unit)

    def after_the_other(unit):
        assert frozen.wait(30)
        return product(unit)

    with members(store, lambda group: group.serve(freeze), 2, impatient) as (leader, _):
        results = list(leader.map(UNITS[:5], after_the_other))
        thawed.set()
        until(lambda: session(store).read("result/0") is not None)
        again = list(leader.map(UNITS[5:10], product))
        leader.release()
    assert sorted(results) == sorted((u, product(u)) for u in UNITS[:5])
    assert sorted(unit for unit, _ in again) == UNITS[5:10]
    # The thawed one takes part again, but nothing of the first round is taken for the second's.
    assert all(result in (product(unit), late(unit)) for unit, result in again)


def test_a_round_that_is_broken_off_leaves_nothing_behind(store):
    seen = []

    def record(unit):
        seen.append(unit)
        return b"second" if unit in UNITS[-3:] else b"first"

    with members(store, lambda group: group.serve(record), world=2) as (leader, futures):
        first = leader.map(UNITS[:-3], record)
        next(first)
        first.close()
        results = list(leader.map(UNITS[-3:], record))
        leader.release()
        futures[0].result(30)
    assert sorted(results) == [(u, b"second") for u in UNITS[-3:]]
    assert len(seen) == len(set(seen)) < len(UNITS)


def test_rank_0_hears_why_another_cannot_go_on(store):
    def fail(group):
        with pytest.raises(SystemExit) as ended:
            group.report_failure("out of memory")
        return ended.value.code

    noticed = threading.Event()

    def patiently(unit):
        until(lambda: leader.failure)
        noticed.set()
        return b""

    with members(store, fail, world=2) as (leader, futures):
        with pytest.raises(IsolossError, match="rank 1: out of memory"):
            list(leader.map(UNITS, patiently))
        leader.close(1)
        assert futures[0].result(30) == 1
    assert noticed.is_set()


def test_values_are_shared_in_order_and_rounds_nobody_served_are_passed_over(store):
    def follow(group):
        first = group.broadcast("word")
        return first, group.broadcast("other"), group.broadcast("word")

    with members(store, follow) as (leader, futures):
        assert leader.broadcast("word", b"one\ntwo") == b"one\ntwo"
        assert len(list(leader.map(UNITS[:9], product))) == 9
        leader.release()
        leader.broadcast("other", bytes(range(256)))
        leader.broadcast("word", b"")
        assert [f.result(30) for f in futures] == [(b"one\ntwo", bytes(range(256)), b"")] * 2


def test_all_meet_before_a_collective_and_have_one_store(store):
    late, written = threading.Event(), threading.Event()

    def follow(group):
        assert late.wait(30)
        part = group.store()
        assert written.wait(30)
        return part.get("word")

    with members(store, follow) as (leader, futures), ThreadPoolExecutor(1) as pool:
        meeting = pool.submit(leader.store)
        until(lambda: session(store).read("log/0"))
        assert not meeting.done()
        late.set()
        meeting.result(30).set("word", "one")
        written.set()
        assert [f.result(30) for f in futures] == [b"one", b"one"]


def test_a_meeting_that_another_cannot_come_to_is_called_off(store):
    def fail(group):
        with pytest.raises(SystemExit):
            group.report_failure("no data")

    with members(store, fail, world=2) as (leader, futures):
        with pytest.raises(IsolossError, match="rank 1: no data"):
            leader.store()
        leader.close(1)
        futures[0].result(30)


def test_ranks_join_the_session_that_is_alive(store):
    dead = Leader(Ranks(0, 0, 2, 2), store, QUICK)
    dead.broadcast("word", b"stale")
    dead.close(130)
    joining = threading.Event()

    def follow(group):
        return group.broadcast("word")

    with ThreadPoolExecutor(1) as pool:

        def late():
            joining.set()
            with_it = Follower(Ranks(1, 1, 2, 2), store, QUICK)
            try:
                return follow(with_it)
            finally:
                with_it.close()

        future = pool.submit(late)
        assert joining.wait(30)
        alive = Leader(Ranks(0, 0, 2, 2), store, QUICK)
        alive.broadcast("word", b"fresh")
        assert future.result(30) == b"fresh"
        alive.close()


def test_who_comes_late_still_hears_that_all_is_done(store):
    leader = Leader(Ranks(0, 0, 2, 2), store, QUICK)
    leader.broadcast("run", b"done")
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(leader.close)
        follower = Follower(Ranks(1, 1, 2, 2), store, QUICK)
        assert follower.broadcast("run") == b"done"
        closing.result(30)
        with pytest.raises(SystemExit) as ended:
            follower.broadcast("run")
        assert ended.value.code == 0
        follower.close()


def test_ranks_whose_main_thread_is_stuck_end_with_rank_0s_exit_code(store):
    ends = []

    def stuck(group):
        until(lambda: len(ends) == 2)

    with members(store, stuck, waits=replace(QUICK, grace=0.05), ends=ends) as (leader, futures):
        until(lambda: session(store).add("joined", 0) == 2)
        leader.close(130)
        for future in futures:
            future.result(30)
    assert ends == [130, 130]


def test_a_rank_told_to_end_does_so_when_rank_0_does_not(store):
    ends = []

    def waiting(group):
        group.end_soon()
        until(lambda: ends)

    with members(store, waiting, 2, replace(QUICK, grace=0.05), ends) as (_, futures):
        futures[0].result(30)
    assert ends == [130]


def test_ranks_end_when_rank_0_shows_no_sign_of_life(store, capsys):
    ends = []

    def stuck(group):
        until(lambda: ends)

    with members(store, stuck, 2, replace(QUICK, silence=0.1), ends) as (leader, futures):
        until(lambda: session(store).add("joined", 0) == 1)
        leader._closing.set()  # its heartbeats stop; nothing is said
        futures[0].result(30)
    assert ends == [1]
    assert capsys.readouterr().err == (
        "isoloss: rank 1: rank 0 has shown no sign of life for two minutes\n"
    )


def test_a_session_without_heartbeats_is_not_joined(store):
    SessionStore.opened(store)
    with pytest.raises(IsolossError, match="rank 0 has not come within"):
        join(store, replace(QUICK, join=0.1))


def test_a_launcher_that_cannot_be_reached_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(Waits, "join", 0.2)
    environment = {
        "TORCHELASTIC_RUN_ID": "test", "TORCHELASTIC_USE_AGENT_STORE": "True",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 1,
        "RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2,
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    process_group.cache_clear()
    try:
        with pytest.raises(IsolossError, match=r"cannot reach torchrun's store at 127\.0\.0\.1:1$"):
            process_group()
    finally:
        process_group.cache_clear()


def test_a_group_of_one_has_nobody_to_serve():
    with pytest.raises(AssertionError, match="rank 0 maps"):
        ProcessGroup().serve(product)
