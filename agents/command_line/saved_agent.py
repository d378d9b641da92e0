"""The arguments by which a command is told which saved agent it is about, and how that agent is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import sb3_contrib
import stable_baselines3
import torch
import tyro
from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.algorithms.base import Algorithm
from agents.baselines.location_policies import LocationOverride, other_location_policies
from agents.command_line.facts import Facts, facts_of_agent, facts_of_model
from agents.command_line.options import EnvironmentOptions, given
from agents.command_line.paths import PathArgument
from agents.command_line.sb3_training import SB3Training, read_checkpoint
from agents.environments import EnvironmentSpec
from agents.pretrained.catalogue import find_run
from agents.runs import RunFolder
from agents.sb3.agent import SB3Agent, holds_sb3_model
from glimpse_env.utils.errors import unknown_name_error

SB3_ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    algorithm.__name__: algorithm
    for algorithm in (
        *(stable_baselines3.A2C, stable_baselines3.DDPG, stable_baselines3.PPO, stable_baselines3.SAC),
        *(stable_baselines3.TD3, sb3_contrib.RecurrentPPO, sb3_contrib.TQC, sb3_contrib.TRPO),
    )
}
"""Those whose policies take the observations and actions of glimpse environments."""


@dataclass(frozen=True)
class SavedAgent:
    """A saved agent that was loaded, and what commands need besides it.

    Attributes:
        agent: The agent.
        run: Where it is, and where what is found out about it goes.
        environment: What it was trained in.
        algorithm: The name of what trained it.
        facts: The agent and its training, as plain numbers and names in sections.
    """

    agent: Algorithm | SB3Agent
    run: RunFolder
    environment: EnvironmentSpec
    algorithm: str
    facts: Facts

    @property
    def folder(self) -> Path:
        """Where its explanation goes."""
        return self.run.explanation

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.agent.device

    @property
    def location_policies(self) -> dict[str, LocationOverride]:
        """What it is compared with, by name."""
        return other_location_policies(self.agent)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""
        return self.agent.make_vec_env(num_envs, **overrides)


@dataclass(frozen=True)
class AgentArguments:
    """Which agent a command is about."""

    agent: tyro.conf.Positional[PathArgument]
    """A run folder, the file of a saved agent, or the name of an agent that comes with the package. With --algorithm, a
    zip of Stable-Baselines3 or sb3-contrib."""
    algorithm: str | None = None
    """The algorithm that saved such a zip, for example RecurrentPPO."""
    env_id: str | None = None
    """The id of the environment in which it learned."""
    reward: Literal["hard", "entropy", "information", "anytime"] | None = None
    """The reward of that environment."""
    environment: Annotated[EnvironmentOptions, tyro.conf.arg(name="env")] = field(default_factory=EnvironmentOptions)
    """Other arguments of that environment."""
    trust: bool = False
    """Load such a zip, although that executes code in it (pickle). Do so only if you trust whoever made it."""

    def load(self) -> SavedAgent:
        """Loads the agent.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Arguments are missing, unknown or too many, or the file is damaged.
        """
        if self.algorithm is not None:
            return self._load_sb3_zip()
        if self.env_id is not None or self._arguments_of_environment():
            raise ValueError("expected --algorithm beside --env-id, --reward and --env: other agents know theirs")
        run = find_run(self.agent)
        if not holds_sb3_model(run.agent):
            agent = run.load_agent()
            return SavedAgent(agent, run, agent.spec.environment, type(agent).__name__, facts_of_agent(agent))
        if not run.arguments.is_file():
            raise ValueError(
                f"expected --algorithm, --env-id and --trust beside a zip of Stable-Baselines3, {run.agent}"
            )
        training = SB3Training.read(run)
        model = training.make_model()
        read_checkpoint(model, run.agent)
        return saved_model(model, training.environment, run)

    def _load_sb3_zip(self) -> SavedAgent:
        """Loads a zip of Stable-Baselines3, after everything that can be wrong without loading it."""
        if self.algorithm not in SB3_ALGORITHMS:
            raise unknown_name_error("algorithm of Stable-Baselines3 or sb3-contrib", self.algorithm, SB3_ALGORITHMS)
        if self.env_id is None:
            raise ValueError(f"expected --env-id beside --algorithm {self.algorithm}: the zip does not say it")
        environment = EnvironmentSpec(self.env_id, self._arguments_of_environment())
        run = RunFolder.of(self.agent)
        if not holds_sb3_model(run.agent):
            raise ValueError(f"expected a zip that a model of Stable-Baselines3 was saved as, got {run.agent}")
        if not self.trust:
            raise ValueError(
                f"expected --trust, because loading {run.agent} executes the code in it (pickle): give it only if you "
                "trust whoever made the file"
            )
        try:
            model = SB3_ALGORITHMS[self.algorithm].load(run.agent)
        except Exception as error:  # code from the file may raise anything
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"expected a model of {self.algorithm} in {run.agent}, but loading it raises {type(error).__name__}: "
                f"{reason}"
            ) from error
        return saved_model(model, environment, run)

    def _arguments_of_environment(self) -> dict[str, Any]:
        return ({} if self.reward is None else {"reward": self.reward}) | given(self.environment)


def saved_model(model: BaseAlgorithm, environment: EnvironmentSpec, run: RunFolder) -> SavedAgent:
    """A model of Stable-Baselines3 as a saved agent.

    Raises:
        ValueError: The model has other spaces than the environment.
    """
    agent = SB3Agent(model, environment)
    return SavedAgent(agent, run, environment, type(model).__name__, facts_of_model(agent))
