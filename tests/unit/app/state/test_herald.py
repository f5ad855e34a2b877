"""What the desktop is asked to show, and that nobody waits for it."""

import os
import threading

import pytest

from isoloss.app.state.herald import Herald, carried_out, commands

SAID = 'Run "a & b" failed: <no> \\ $HOME `ls`'


def test_programs_are_asked_in_turn_until_one_works():
    asked, told = [], threading.Event()

    def carry_out(command, more):
        asked.append((command[0], more["ISOLOSS_SAID"]))
        if len(asked) == 4:
            told.set()
        return command[0] == "gdbus"

    herald = Herald(carry_out)
    herald.tell("isoloss", "one")
    herald.tell("isoloss", "two")
    assert told.wait(20)
    programs = ["notify-send", "gdbus"]
    assert asked == [(p, said) for said in ("one", "two") for p in programs]


def test_who_tells_does_not_wait():
    release, shown = threading.Event(), threading.Event()

    def carry_out(command, more):
        release.wait(20)
        shown.set()
        return True

    Herald(carry_out).tell("isoloss", "slow")
    assert not shown.is_set()
    release.set()
    assert shown.wait(20)


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_what_is_said_is_never_taken_for_a_command(system):
    for command in commands("isoloss", SAID, system):
        whole = [word for word in command if "$HOME" in word]
        if system == "win32":  # it comes with the environment
            assert not whole
            assert "$env:ISOLOSS_SAID" in command[-1]
        else:
            assert len(whole) == 1
            assert system != "darwin" or whole == [SAID]


def test_a_program_that_is_missing_or_fails_is_passed_over(tmp_path, monkeypatch):
    for name, code in (("good", 0), ("bad", 3)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {code}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [carried_out([name], {}) for name in ("good", "bad", "none-of-this-name")] == [
        True,
        False,
        False,
    ]
