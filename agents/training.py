"""Training in a run folder: checkpoints, a log, and a training that continues where it was interrupted."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from signal import Signals

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from agents.agent import TrainingDiverged
from agents.algorithms.base import Algorithm
from agents.distributed import is_first, largest_over_processes
from agents.evaluation import evaluate
from agents.learning_curve import draw_learning_curve
from agents.progress_log import ProgressLog
from agents.runs import RunFolder
from glimpse_env.utils.atomic import open_atomic
from glimpse_env.utils.folder_lock import FolderLock
from glimpse_env.utils.interruption import Interrupted, Interruption

CHECKPOINT_SECONDS = 30.0
LOG_LINES = 300
"""About how many lines the log of a whole training has."""


class TrainingInterrupted(Interrupted):
    """A signal ended a training; the run folder holds all that it takes to continue."""


def train(
    agent: Algorithm, run: RunFolder, callbacks: Sequence[BaseCallback] = (), *, progress_bar: bool = False
) -> None:
    """Trains an agent until its `total_timesteps`, and measures its accuracy on the test split.

    The run folder then holds the agent, the log and the learning curve. An agent that `run.load_agent()` returns
    continues its training; on the CPU it ends with the same weights and the same log, bit for bit, as if nothing had
    interrupted it.

    SIGINT (Ctrl-C), SIGTERM and SIGHUP end the training after the present iteration, with a checkpoint. After a second
    Ctrl-C, or a signal that comes after the last iteration, it goes on from the last checkpoint.

    Where torch.distributed was started, all processes train together, with the same agent in each, as in
    `Algorithm.learn`. The first alone writes, measures the accuracy, shows progress and calls `callbacks`. A signal to
    one of the processes ends all of them.

    Args:
        agent: The agent. Set its `total_timesteps` before.
        run: Where everything is written. Other programs are kept out meanwhile. If the folder is deleted, it is made
            again.
        callbacks: More of Stable-Baselines3's callbacks.
        progress_bar: Show accuracy and the time left.

    Raises:
        FolderInUseError: Another program is training in the run folder.
        OSError: A file cannot be written; the last checkpoint is left as it was. The error says where the agent and
            the log were saved instead, if that could be done.
        ProcessLostError: Another process ended, or does not answer; the run folder holds the last checkpoint.
        TrainingDiverged: Something is not finite; the run folder holds the last good state.
        TrainingInterrupted: A signal came; the run folder holds the last checkpoint.

    Example:
        >>> import tempfile
        >>> from agents import REINFORCE
        >>> agent = REINFORCE("glimpse_env:GlimpseDigits-v0", num_envs=64, seed=0)
        >>> agent.total_timesteps = 6400 * agent.num_glimpses
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder(Path(folder))
        ...     train(agent, run)
        ...     sorted(path.name for path in run.path.iterdir())
        ['.lock', 'agent.zip', 'learning_curve.png', 'progress.csv']
    """
    if not is_first():
        _train_beside_the_first(agent)
        return
    with run.lock() as lock, Interruption() as interruption:
        log = ProgressLog(run.log, agent.num_timesteps)
        agent.set_logger(Logger(str(run.path), [log]))
        checkpoints = Checkpoints(agent, run, lock, log, interruption)
        try:
            _learn(agent, [checkpoints, *callbacks], interruption, progress_bar)
            # From here on a signal need not wait: the agent is saved, and only what is measured would be lost.
            interruption.at_once = True
            interruption.check()
            agent.accuracy = float(evaluate(agent).accuracy[-1])
            checkpoints.save()
            if columns := run.read_log():
                with open_atomic(run.learning_curve) as file:
                    draw_learning_curve(columns).savefig(file, format="png", dpi=150)
        except TrainingDiverged as error:
            checkpoints.save()
            raise TrainingDiverged(f"training diverged: {error}; {run.path} holds the last good state") from error
        except Interrupted as error:
            message = f"interrupted by {error.signal.name}; {run.path} holds the agent after {checkpoints.steps} steps"
            raise TrainingInterrupted(error.signal, message) from None


def _train_beside_the_first(agent: Algorithm) -> None:
    """Trains with the first process, which does all the rest.

    Raises:
        TrainingInterrupted: A signal came, to this process or to another.
    """
    with Interruption() as interruption:
        agent.set_logger(Logger(None, []))
        try:
            _learn(agent, [StopAtSignal(interruption)], interruption)
            interruption.check()
        except Interrupted as error:
            raise TrainingInterrupted(error.signal) from None


def _learn(
    agent: Algorithm, callbacks: list[BaseCallback], interruption: Interruption, progress_bar: bool = False
) -> None:
    """Learns until `total_timesteps`, or until a signal comes to one of the processes, of which all take note."""
    iterations = agent.total_timesteps // (agent.settings.num_envs * agent.num_glimpses)
    agent.learn(
        max(0, agent.total_timesteps - agent.num_timesteps),
        callbacks,
        log_interval=max(1, iterations // LOG_LINES),
        reset_num_timesteps=False,
        progress_bar=progress_bar,
    )
    if number := largest_over_processes(interruption.signal or 0):
        interruption.signal = Signals(number)


class StopAtSignal(BaseCallback):
    """Ends the training after the iteration in which a signal comes.

    Args:
        interruption: Receives the signals.
    """

    def __init__(self, interruption: Interruption) -> None:
        super().__init__()
        self.interruption = interruption

    def _on_step(self) -> bool:
        return self.interruption.signal is None


class Checkpoints(StopAtSignal):
    """Saves agent and log when training begins and ends, and every `CHECKPOINT_SECONDS` in between.

    Args:
        agent: The agent.
        run: The run folder; each checkpoint replaces the one before.
        lock: The lock of the folder.
        log: The log of the training.
        interruption: Ends the training after the iteration in which a signal comes.

    Attributes:
        steps: The steps that the agent had taken at the last checkpoint.
    """

    def __init__(
        self, agent: Algorithm, run: RunFolder, lock: FolderLock, log: ProgressLog, interruption: Interruption
    ) -> None:
        super().__init__(interruption)
        self.agent = agent
        self.run = run
        self.lock = lock
        self.log = log
        self.steps = agent.num_timesteps
        self._saved = time.monotonic()
        self._arguments = run.arguments.read_bytes() if run.arguments.exists() else None

    def save(self) -> None:
        """Saves everything in the run folder.

        Raises:
            OSError: That is impossible. The error says where everything was saved instead, if that could be done.
        """
        try:
            try:
                self._save_in_folder()
            except FileNotFoundError:  # the folder was deleted at this very moment
                self._save_in_folder()
        except OSError as error:
            rescued = self._rescue()
            if rescued is None:
                raise
            raise OSError(f"{error}; the agent after {self.steps} steps was saved in {rescued} instead") from error

    def _save_in_folder(self) -> None:
        self.lock.renew()
        self._save_as(self.run)

    def _rescue(self) -> Path | None:
        """Saves everything in a new temporary folder; returns None if that fails, or nothing would be lost."""
        if self.agent.num_timesteps == self.steps:
            return None
        folder = Path(tempfile.mkdtemp(prefix=f"{self.run.path.resolve().name}-"))
        try:
            self._save_as(RunFolder(folder, self.run.agent_name))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return folder

    def _save_as(self, run: RunFolder) -> None:
        """Saves the log before the agent, so that a saved agent never misses a line of it."""
        if self._arguments is not None and not run.arguments.exists():
            with open_atomic(run.arguments) as file:
                file.write(self._arguments)
        self.log.save(run.log)
        self.agent.save(run.agent)
        self.steps = self.agent.num_timesteps
        self._saved = time.monotonic()

    def _on_training_start(self) -> None:
        self.save()

    def _on_rollout_start(self) -> None:
        # Here the line of the iteration before is in the log already.
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.save()

    def _on_training_end(self) -> None:
        self.save()
