"""Training in a run folder: checkpoints, a log, and a training that continues where it was interrupted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import CSVOutputFormat, Logger

from agents.agent import TrainingDiverged
from agents.algorithms.base import Algorithm
from agents.evaluation import evaluate
from agents.learning_curve import draw_learning_curve
from agents.runs import RunFolder, complete_lines

CHECKPOINT_SECONDS = 30.0
LOG_LINES = 300
"""About how many lines the log of a whole training has."""
STEPS = "time/total_timesteps"


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a training between two iterations; the run folder holds all that it takes to continue."""


def train(
    agent: Algorithm, run: RunFolder, callbacks: Sequence[BaseCallback] = (), *, progress_bar: bool = False
) -> None:
    """Trains an agent until its `total_timesteps`, and measures its accuracy on the test split.

    The run folder then holds the agent, the log and the learning curve. An agent that `run.load_agent()` returns
    continues its training; on the CPU it ends with the same weights, bit for bit, as if nothing had interrupted it.

    Args:
        agent: The agent. Set its `total_timesteps` before.
        run: Where everything is written.
        callbacks: More of Stable-Baselines3's callbacks.
        progress_bar: Show accuracy and the time left.

    Raises:
        OSError: A file cannot be written; the last checkpoint is left as it was.
        TrainingDiverged: Something is not finite; the run folder holds the last good state.
        TrainingInterrupted: Ctrl-C was pressed; the run folder holds the state after the iteration.

    Example:
        >>> import tempfile
        >>> from agents import REINFORCE
        >>> agent = REINFORCE("glimpse_env:GlimpseDigits-v0", num_envs=64, seed=0)
        >>> agent.total_timesteps = 6400 * agent.num_glimpses
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder(Path(folder))
        ...     train(agent, run)
        ...     sorted(path.name for path in run.path.iterdir())
        ['agent.zip', 'learning_curve.png', 'progress.csv']
    """
    # Continue the log, and remove checkpoints that were being written when an earlier training was killed.
    agent.set_logger(Logger(str(run.path), [open_log(run.log, agent.num_timesteps)]))
    for unfinished in run.path.glob(f".{run.agent_name}-*"):
        unfinished.unlink()

    # Train. Ctrl-C takes effect after the present iteration.
    iterations = agent.total_timesteps // (agent.settings.num_envs * agent.num_glimpses)
    checkpoints = Checkpoints(run.agent)
    handler = signal.signal(signal.SIGINT, checkpoints.interrupt)
    try:
        agent.learn(
            agent.total_timesteps - agent.num_timesteps,
            [checkpoints, *callbacks],
            log_interval=max(1, iterations // LOG_LINES),
            reset_num_timesteps=False,
            progress_bar=progress_bar,
        )
    except TrainingDiverged as error:
        agent.save(run.agent)
        raise TrainingDiverged(f"training diverged: {error}; {run.path} holds the last good state") from error
    finally:
        signal.signal(signal.SIGINT, handler)
        agent.logger.close()
    if checkpoints.interrupted:
        raise TrainingInterrupted(f"interrupted after {agent.num_timesteps} steps; {run.path} holds the agent")

    # Measure, and write the results.
    agent.accuracy = float(evaluate(agent).accuracy[-1])
    agent.save(run.agent)
    if log := run.read_log():
        draw_learning_curve(log).savefig(run.learning_curve, dpi=150)


def open_log(path: Path, num_timesteps: int) -> CSVOutputFormat:
    """Opens a log to append lines. Lines that are torn, or later than a checkpoint, are removed first.

    Args:
        path: The file. It need not exist.
        num_timesteps: The steps that the agent of the checkpoint had taken.

    Raises:
        OSError: The file cannot be written; it is left as it was.
    """
    names, *lines = (complete_lines(path) if path.exists() else []) or [[]]
    kept = [line for line in lines if int(line[names.index(STEPS)]) <= num_timesteps]
    temporary = path.with_name(f".{path.name}-unfinished")
    temporary.write_text("".join(",".join(line) + "\n" for line in (names, *kept)) if kept else "", encoding="utf-8")
    os.replace(temporary, path)
    log = CSVOutputFormat(os.devnull)  # its constructor would empty the file
    log.file.close()
    log.file = open(path, "r+", encoding="utf-8")  # noqa: SIM115  (the log closes it)
    log.file.seek(0, os.SEEK_END)
    log.keys = names if kept else []
    return log


class Checkpoints(BaseCallback):
    """Saves the agent when training begins and ends, and every `CHECKPOINT_SECONDS` in between.

    Args:
        path: The file of the agent; each checkpoint replaces the one before.

    Attributes:
        interrupted: Whether training is to end after the present iteration.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.interrupted = False

    def interrupt(self, *_: object) -> None:
        """Handles the first Ctrl-C. A second one raises `KeyboardInterrupt` at once."""
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _save(self) -> None:
        self.model.save(self.path)
        self._saved = time.monotonic()

    def _on_training_start(self) -> None:
        self._save()

    def _on_step(self) -> bool:
        return not self.interrupted

    def _on_rollout_end(self) -> None:
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self._save()

    def _on_training_end(self) -> None:
        self._save()
