"""Signals to training programs: each ends with a checkpoint, one line of text, 128 + the signal, and no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents import RunFolder
from glimpse_env.utils.interruption import SIGNALS

ROOT = Path(__file__).parents[3]
# Imports once, and forks programs that train; to each it sends signals, and prints how the program ended.
PROGRAMS = """
import json, os, signal, sys, time
from dataclasses import replace
from pathlib import Path
import agents
from agents.command_line.train import main
from tests.agents.command_line.test_train import TINY

agents.PRESETS["tiny"] = replace(TINY, num_images=10**7)
for case, (setup, marker, numbers) in enumerate(json.loads(sys.argv[2])):
    folder = Path(sys.argv[1], str(case))
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.dup2(writing, 2)
        exec(setup)
        main(["tiny", "--run-folder", str(folder)])
        sys.exit(0)
    os.close(writing)
    output = b""
    while not (folder / "agent.zip").exists() or marker.encode() not in output:
        output += os.read(reading, 10_000)
    for number in numbers:
        os.kill(process, number)
        while (more := os.read(reading, 10_000)) and b"interrupted: " not in output:
            output += more
    # Until it is gone, it is not to be disturbed any more.
    while os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        os.kill(process, numbers[-1])
        time.sleep(0.001)
    while more := os.read(reading, 10_000):
        output += more
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), output.decode()]), flush=True)
"""


def outcomes(folder: Path, cases: list[tuple[str, str, list[int]]]) -> list[tuple[int, list[str]]]:
    """Runs training programs, and returns the exit status and the lines of output of each.

    Args:
        folder: Holds the run folder of each, named after its number.
        cases: What each program executes before, the output that is waited for, and the signals that are sent then.
    """
    command = [sys.executable, "-c", PROGRAMS, str(folder), json.dumps(cases)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in ran.stdout.splitlines()]
    return [(status, output.replace("\r", "\n").strip().split("\n")) for status, output in results]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_signal_ends_with_one_line_and_a_checkpoint_however_many_follow(tmp_path: Path) -> None:
    slow = "agents.REINFORCE.train = lambda agent, rollout: time.sleep(0.1 if agent.num_rollouts < 5 else 99)"
    measuring = (
        "agents.training.evaluate = lambda agent: sys.stderr.write('measuring\\n') and time.sleep(99)\n"
        "agents.PRESETS['tiny'] = TINY"
    )
    cases = [
        *(("", "accuracy", [number]) for number in SIGNALS),
        (slow, "accuracy", [signal.SIGINT, signal.SIGINT]),  # the second one, since the iteration takes too long
        (measuring, "measuring", [signal.SIGTERM]),
    ]
    for case, (status, lines) in enumerate(outcomes(tmp_path, cases)):
        setup, _, numbers = cases[case]
        assert status == 128 + numbers[0]
        assert lines[-1] == f"interrupted: continue with python -m agents train --resume {tmp_path / str(case)}"
        assert "Traceback" not in "".join(lines)
        agent = RunFolder(tmp_path / str(case)).load_agent()
        assert agent.accuracy is None
        assert agent.num_timesteps > 0 or setup == slow
