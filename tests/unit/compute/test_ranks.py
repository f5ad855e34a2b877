"""Units of work dealt out to several ranks: all done once, whoever is slow, late, broken or gone.

The ranks are threads here, around one real store; tests/e2e has processes.
"""

import itertools
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
import torch.distributed as dist

from isoloss import IsolossError
from isoloss.compute.machine import board, ranks
from isoloss.compute.machine.ranks import Ranks, Team, _Follower, _Leader, team

UNITS = [(i, j, 10 * j, 10 * j + 10) for i in range(30) for j in range(4)]


def product(unit):
    i, j, first, end = unit
    return f"{(i + 1) * (j + 1) * (end - first)}".encode()


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.002)


@pytest.fixture
def store(monkeypatch):
    """A store such as torchrun keeps, and hearts that beat fast."""
    server = dist.TCPStore("127.0.0.1", 0, None, True, timedelta(seconds=30), False)
    # Connections cost seconds where a resolver is slow; nothing here waits inside the store.
    monkeypatch.setattr(ranks, "launchers_store", lambda: server)
    monkeypatch.setattr(board.Board, "another", lambda self: self)
    for module in (board, ranks):
        monkeypatch.setattr(module, "BEAT", 0.01)
    return server


class Ended(Exception):
    """What `os._exit` would have done, in a thread."""


@pytest.fixture
def ends(monkeypatch):
    """The codes with which ranks were ended."""
    codes = []

    def end(code):
        codes.append(code)
        raise Ended

    monkeypatch.setattr(ranks.os, "_exit", end)
    watch = _Follower._end_with_rank_0

    def watch_until_ended(self, board):
        with suppress(Ended):
            watch(self, board)

    monkeypatch.setattr(_Follower, "_end_with_rank_0", watch_until_ended)
    return codes


@contextmanager
def members(follower_does, world=3):
    """Rank 0's team, while every other rank runs `follower_does(its team)` in a thread; the
    futures of those."""

    def follow(rank):
        crew = _Follower(Ranks(rank, rank, world, world))
        try:
            return follower_does(crew)
        finally:
            crew.close()

    with ThreadPoolExecutor(world - 1) as pool:
        futures = [pool.submit(follow, rank) for rank in range(1, world)]
        leader = _Leader(Ranks(0, 0, world, world))
        try:
            yield leader, futures
        finally:
            leader.close()


def test_one_process_deals_to_itself_without_torch():
    script = """
import sys
from isoloss.compute.ranks import Ranks, team
crew = team()
assert crew.ranks == Ranks(0, 0, 1, 1)
assert list(crew.deal([(3,), (1,)], lambda u: bytes(u))) == [((3,), b"\\3"), ((1,), b"\\1")]
assert crew.share("word", b"value") == b"value"
assert crew.trouble is None
assert crew.tally == "units: rank 0 2"
crew.close()
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
    monkeypatch.setattr(ranks, "UNITS_IN_A_ROUND", 50)
    all_have_one = threading.Barrier(3, timeout=30)
    done = {0: [], 1: [], 2: []}

    def working_as(rank):
        def work(unit):
            if not done[rank]:
                all_have_one.wait()
            done[rank].append(unit)
            return product(unit)

        return work

    with members(lambda crew: crew.serve(working_as(crew.ranks.rank))) as (leader, futures):
        results = list(leader.deal(UNITS, working_as(0)))
        tally = leader.tally
        leader.dismiss()
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

    with members(lambda crew: crew.serve(others)) as (leader, _):
        results = dict(leader.deal([(i,) for i in range(1, 9)], patiently))
        leader.dismiss()
    for i in range(1, 9):
        assert results[(i,)] == (bytes(i * k % 256 for k in range(256)) * 391)[:100_000]


def test_what_a_frozen_rank_keeps_is_done_by_rank_0_and_its_late_result_is_dropped(
    store, monkeypatch
):
    monkeypatch.setattr(ranks, "STRAGGLER", 0.1)
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

    with members(lambda crew: crew.serve(freeze), world=2) as (leader, _):
        results = list(leader.deal(UNITS[:5], after_the_other))
        thawed.set()
        until(lambda: leader._board.read("result/0") is not None)
        again = list(leader.deal(UNITS[5:10], product))
        leader.dismiss()
    assert sorted(results) == sorted((u, product(u)) for u in UNITS[:5])
    assert sorted(unit for unit, _ in again) == UNITS[5:10]
    # The thawed one takes part again, but nothing of the first round is taken for the second's.
    assert all(result in (product(unit), late(unit)) for unit, result in again)


def test_a_round_that_is_broken_off_leaves_nothing_behind(store):
    seen = []

    def record(unit):
        seen.append(unit)
        return b"second" if unit in UNITS[-3:] else b"first"

    with members(lambda crew: crew.serve(record), world=2) as (leader, futures):
        first = leader.deal(UNITS[:-3], record)
        next(first)
        first.close()
        results = list(leader.deal(UNITS[-3:], record))
        leader.dismiss()
        futures[0].result(30)
    assert sorted(results) == [(u, b"second") for u in UNITS[-3:]]
    assert len(seen) == len(set(seen)) < len(UNITS)


def test_rank_0_hears_why_another_cannot_go_on(store):
    def complain(crew):
        with pytest.raises(SystemExit) as ended:
            crew.complain("out of memory")
        return ended.value.code

    told = threading.Event()

    def patiently(unit):
        until(lambda: leader.trouble)
        told.set()
        return b""

    with members(complain, world=2) as (leader, futures):
        with pytest.raises(IsolossError, match="rank 1: out of memory"):
            list(leader.deal(UNITS, patiently))
        leader.close(1)
        assert futures[0].result(30) == 1
    assert told.is_set()


def test_values_are_shared_in_order_and_rounds_nobody_served_are_passed_over(store):
    def follow(crew):
        first = crew.share("word")
        return first, crew.share("other"), crew.share("word")

    with members(follow) as (leader, futures):
        assert leader.share("word", b"one\ntwo") == b"one\ntwo"
        assert len(list(leader.deal(UNITS[:9], product))) == 9
        leader.dismiss()
        leader.share("other", bytes(range(256)))
        leader.share("word", b"")
        assert [f.result(30) for f in futures] == [(b"one\ntwo", bytes(range(256)), b"")] * 2


def test_all_meet_before_a_collective_and_have_one_store(store):
    late, written = threading.Event(), threading.Event()

    def follow(crew):
        assert late.wait(30)
        part = crew.store()
        assert written.wait(30)
        return part.get("word")

    with members(follow) as (leader, futures), ThreadPoolExecutor(1) as pool:
        meeting = pool.submit(leader.store)
        until(lambda: leader._entries == 1)
        assert not meeting.done()
        late.set()
        meeting.result(30).set("word", "one")
        written.set()
        assert [f.result(30) for f in futures] == [b"one", b"one"]


def test_a_meeting_that_another_cannot_come_to_is_called_off(store):
    def complain(crew):
        with pytest.raises(SystemExit):
            crew.complain("no data")

    with members(complain, world=2) as (leader, futures):
        with pytest.raises(IsolossError, match="rank 1: no data"):
            leader.store()
        leader.close(1)
        futures[0].result(30)


def test_ranks_join_the_session_that_is_alive(store):
    dead = _Leader(Ranks(0, 0, 2, 2))
    dead.share("word", b"stale")
    dead.close(130)
    joining = threading.Event()

    def follow(crew):
        return crew.share("word")

    with ThreadPoolExecutor(1) as pool:

        def join():
            joining.set()
            with_it = _Follower(Ranks(1, 1, 2, 2))
            try:
                return follow(with_it)
            finally:
                with_it.close()

        future = pool.submit(join)
        assert joining.wait(30)
        alive = _Leader(Ranks(0, 0, 2, 2))
        alive.share("word", b"fresh")
        assert future.result(30) == b"fresh"
        alive.close()


def test_who_comes_late_still_hears_that_all_is_done(store):
    leader = _Leader(Ranks(0, 0, 2, 2))
    leader.share("run", b"done")
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(leader.close)
        follower = _Follower(Ranks(1, 1, 2, 2))
        assert follower.share("run") == b"done"
        closing.result(30)
        with pytest.raises(SystemExit) as ended:
            follower.share("run")
        assert ended.value.code == 0
        follower.close()


def test_ranks_whose_main_thread_is_stuck_end_with_rank_0s_exit_code(store, ends, monkeypatch):
    monkeypatch.setattr(ranks, "GRACE", 0.05)

    def stuck(crew):
        until(lambda: not crew._watch.is_alive())

    with members(stuck) as (leader, futures):
        until(lambda: leader._board.add("joined", 0) == 2)
        leader.close(130)
        for future in futures:
            future.result(30)
    assert ends == [130, 130]


def test_a_rank_told_to_end_does_so_when_rank_0_does_not(store, ends, monkeypatch):
    monkeypatch.setattr(ranks, "GRACE", 0.05)

    def told(crew):
        crew.end_soon()
        until(lambda: not crew._watch.is_alive())

    with members(told, world=2) as (_, futures):
        futures[0].result(30)
    assert ends == [130]


def test_ranks_end_when_rank_0_shows_no_sign_of_life(store, ends, monkeypatch, capsys):
    monkeypatch.setattr(ranks, "SILENCE", 0.1)

    def stuck(crew):
        until(lambda: not crew._watch.is_alive())

    with members(stuck, world=2) as (leader, futures):
        until(lambda: leader._board.add("joined", 0) == 1)
        leader._closing.set()  # its heart stops; nothing is said
        futures[0].result(30)
    assert ends == [1]
    assert capsys.readouterr().err == (
        "isoloss: rank 1: rank 0 has shown no sign of life for two minutes\n"
    )


def test_a_launcher_that_cannot_be_reached_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(board, "JOIN", 0.2)
    environment = {
        "TORCHELASTIC_RUN_ID": "test", "TORCHELASTIC_USE_AGENT_STORE": "True",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 1,
        "RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2,
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    team.cache_clear()
    try:
        with pytest.raises(IsolossError, match=r"cannot reach torchrun's store at 127\.0\.0\.1:1$"):
            team()
    finally:
        team.cache_clear()


def test_a_team_of_one_has_nobody_to_serve():
    with pytest.raises(AssertionError, match="rank 0 deals"):
        Team().serve(product)
