"""Signals that ask a process to end: noted, raised at once, ignored while it ends, and given back afterwards."""

from __future__ import annotations

import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from glimpse_env.utils import interruption as module
from glimpse_env.utils.interruption import SIGNALS, Interrupted, Interruption

EVERY_SIGNAL = pytest.mark.parametrize("number", SIGNALS)
# Ends whenever a signal comes, and says so; then ends in peace, however many more signals come.
ENDING = """
import runpy, signal, sys, time
module = runpy.run_path(sys.argv[1])
with module["Interruption"](at_once=True):
    try:
        print("ready", flush=True)
        with module["Interruption"]() as interruption:
            while True:
                time.sleep(0.001)
                interruption.check()
    except module["Interrupted"] as error:
        for _ in range(50):
            time.sleep(0.001)
        print("ended", flush=True)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(error.exit_status)
"""


@pytest.fixture(autouse=True)
def handlers_are_given_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@EVERY_SIGNAL
def test_the_first_signal_is_noted_and_raised_where_it_suits(number: signal.Signals) -> None:
    with Interruption() as interruption:
        interruption.check()
        signal.raise_signal(number)
        assert interruption.signal == number
        with pytest.raises(Interrupted, match=f"interrupted by {number.name}") as caught:
            interruption.check()
    assert (caught.value.signal, caught.value.exit_status) == (number, 128 + number)


@EVERY_SIGNAL
def test_only_a_second_ctrl_c_does_not_wait(number: signal.Signals) -> None:
    with Interruption() as interruption:
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)
        assert interruption.signal == number


@EVERY_SIGNAL
def test_at_once_the_first_is_raised_and_all_others_are_ignored(number: signal.Signals) -> None:
    with Interruption(at_once=True):
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(number)
        assert caught.value.signal == number
        for other in SIGNALS:
            signal.raise_signal(other)


def test_whoever_receives_signals_around_it_leaves_the_ending_to_it() -> None:
    with Interruption(at_once=True) as outer:
        with pytest.raises(Interrupted), Interruption() as inner:  # noqa: PT012  (the error comes from any statement)
            signal.raise_signal(signal.SIGTERM)
            inner.check()
        signal.raise_signal(signal.SIGINT)
        assert outer.signal is None


def test_a_signal_after_a_block_that_ended_by_itself_is_received_around_it() -> None:
    with Interruption(at_once=True):
        with Interruption():
            pass
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)


@EVERY_SIGNAL
def test_a_signal_that_the_process_ignores_stays_ignored(number: signal.Signals) -> None:
    handler = signal.signal(number, signal.SIG_IGN)
    try:
        with Interruption(at_once=True) as interruption:
            signal.raise_signal(number)
            assert interruption.signal is None
    finally:
        signal.signal(number, handler)


def test_in_another_thread_it_does_nothing() -> None:
    results: list[Any] = []

    def enter() -> None:
        with Interruption(at_once=True) as interruption:
            interruption.check()
            results.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert results == [signal.getsignal(signal.SIGINT)]


def test_survives_the_way_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(Interrupted(signal.SIGTERM, "what was going on")))
    assert (str(error), error.signal, error.exit_status) == ("what was going on", signal.SIGTERM, 143)


def test_a_hail_of_signals_at_any_moment_ends_a_process_without_a_traceback() -> None:
    command = [sys.executable, "-c", ENDING, module.__file__]
    for _ in range(5):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for number in random.choices(SIGNALS, k=20):
            process.send_signal(number)
            time.sleep(random.uniform(0, 0.002))
        output, errors = process.communicate()
        assert (output, errors) == (b"ended\n", b"")
        assert process.returncode in [128 + number for number in SIGNALS]
