"""Searches for settings of a preset: tries some, ends what does badly early, and says which did best.

python scripts/search.py digits --trials 20 --images 20000
python scripts/search.py cluttered40 --trials 50 --images 100000
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from stable_baselines3.common.callbacks import BaseCallback

import agents
from agents.command_line.paths import PathArgument
from glimpse_env import DatasetError
from glimpse_env.utils.program import one_line_errors

NUM_REPORTS = 20
"""How often a training reports its accuracy, after which it may be ended."""
DATABASE, TABLE = "search.db", "trials.csv"


@dataclass(frozen=True)
class Arguments:
    """Searches for settings that do well in short trainings.

    The same command continues a search, and several at a time share one. What is compared is the recent accuracy on
    training episodes, so that the test images are kept for the end.
    """

    preset: tyro.conf.Positional[str]
    """A preset, such as digits or cluttered40 (scripts/train.py --help lists all), or the id of an environment."""
    trials: int = 20
    """Number of trainings in all, with those of earlier commands in this folder."""
    images: int = 50_000
    """Images that each is trained on."""
    folder: PathArgument | None = None
    """Where the search is kept; by default a folder in runs/ that is named after the preset."""
    seed: int = 0
    """Seed of the agents and of the search."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and searches; an error of the user is one line of text and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    with one_line_errors(DatasetError, OSError, ValueError):
        for name in ("trials", "images"):
            if getattr(options, name) < 1:
                raise ValueError(f"expected --{name} to be at least 1, got {getattr(options, name)}")
        preset = agents.find_preset(options.preset)
        preset.environment.make().close()  # missing data is one error here, and not one for each trial
        folder = options.folder or Path("runs", f"search-{options.preset.lower().replace(':', '-')}")
        search(preset, options, folder)


def search(preset: agents.Preset, options: Arguments, folder: Path) -> None:
    """Tries settings until there are as many trials as wanted, and prints the best as a command that trains on."""
    optuna = _import_optuna()
    folder.mkdir(parents=True, exist_ok=True)
    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / DATABASE}",
        study_name=f"{options.preset}, {options.images} images",
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=NUM_REPORTS // 4),
    )
    # A search that goes on must not draw what it has drawn already.
    study.sampler = optuna.samplers.TPESampler(seed=options.seed + len(study.trials))

    def try_settings(trial: Any) -> float:
        agent = make_agent(preset, trial, options.seed)
        agent.total_timesteps = options.images * agent.num_glimpses
        report = _Report(trial)
        agent.learn(agent.total_timesteps, callback=report)
        if report.is_pruned:
            raise optuna.TrialPruned
        return float(agent.recent_accuracy)

    enough = optuna.study.MaxTrialsCallback(options.trials, states=finished)
    if len(study.get_trials(deepcopy=False, states=finished)) < options.trials:
        study.optimize(try_settings, callbacks=[enough], catch=(agents.TrainingDiverged,), show_progress_bar=False)
    if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
        raise ValueError(f"expected at least one trial that was completed, got none among {len(study.trials)}")
    study.trials_dataframe(attrs=("number", "value", "params", "state", "duration")).to_csv(folder / TABLE, index=False)
    print(f"Best of {options.trials} trials: {study.best_value:.1%} correct. All are in {folder / TABLE}. Train it by")
    print(command_of(options.preset, study.best_params))


def make_agent(preset: agents.Preset, trial: Any, seed: int) -> agents.Algorithm:
    """Makes an untrained agent with what a trial suggests, and for the rest with the settings of the preset."""
    algorithm = trial.suggest_categorical("algorithm", ["REINFORCE", "Branching", "PPO"])
    reward = trial.suggest_categorical("reward", ["hard", "information", "anytime"])
    core = trial.suggest_categorical("core", ["rnn", "gru", "lstm"])
    settings = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "location_std": trial.suggest_float("location_std", 0.03, 0.3, log=True),
        "num_envs": trial.suggest_categorical("num_envs", [64, 128, 256]),
    }
    return agents.ALGORITHMS[algorithm](
        preset.environment.make(reward=reward),
        policy_kwargs=preset.policy_kwargs | {"core": core},
        seed=seed,
        device="cpu",
        **preset.settings | settings,
    )


def command_of(preset: str, best: dict[str, Any]) -> str:
    """The command that trains the best settings for as long as the preset says."""
    words = ["python scripts/train.py", preset]
    for name, value in best.items():
        option = name if name in ("algorithm", "reward", "core") else f"settings.{name.replace('_', '-')}"
        words += [f"--{option}", f"{value:.3g}" if isinstance(value, float) else str(value)]
    return " ".join(words)


class _Report(BaseCallback):
    """Tells the search how accurate an agent is, some times in a training, and ends one that does worse than most."""

    def __init__(self, trial: Any) -> None:
        super().__init__()
        self.trial = trial
        self.is_pruned = False
        self._num_reports = 0

    def _on_step(self) -> bool:
        return not self.is_pruned

    def _on_rollout_end(self) -> None:
        agent: Any = self.model
        is_due = agent.num_timesteps >= (self._num_reports + 1) * agent.total_timesteps / NUM_REPORTS
        if is_due and not self.is_pruned:  # what is ended still finishes its episodes
            self._num_reports += 1
            self.trial.report(agent.recent_accuracy, self._num_reports)
            self.is_pruned = self.trial.should_prune()


def _import_optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ValueError('a search needs Optuna: run `pip install "glimpse-env[train,search]"`') from error
    return optuna


if __name__ == "__main__":
    main()
