"""The experiments of the study: which agents, on which data, with which seeds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import agents
from agents.environments import EnvironmentSpec
from glimpse_env.utils.errors import unknown_name_error

T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """A kind of agent, and the VAE that it is explained with."""

    algorithm: str = "REINFORCE"
    """`"REINFORCE"`, `"A2C"`, `"PPO"` or `"Branching"`."""
    core: str = "rnn"
    """`"rnn"`, `"lstm"` or `"gru"`."""
    reward: str = "hard"
    """`"hard"`, `"entropy"`, `"information"` or `"anytime"`."""
    every_glimpse: bool = False
    """Whether the classifier is trained after every glimpse, and not only after the last."""
    partial: bool = False
    """Whether the loss of the VAE counts only the pixels seen so far. It makes no difference to the agent."""
    policy_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """More arguments of the policy."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More settings of the algorithm; they replace those that all variants have."""
    images: float = 1.0
    """Images that it is trained on, as a multiple of those of the experiment."""


@dataclass(frozen=True)
class Experiment:
    """A grid of data sets, variants and seeds."""

    datasets: Mapping[str, EnvironmentSpec]
    """Environments, by their names in tables and figures."""
    variants: Mapping[str, Variant]
    """Variants, by their names in tables and figures."""
    num_images: int
    """Images that each agent is trained on."""
    num_train: int = 0
    """Images of the training split that each VAE is fitted on; all, if there are fewer. 0 fits no VAE: the agents'
    accuracy alone is compared."""
    num_epochs: int = 1
    """Epochs that each VAE is fitted for."""
    seeds: Sequence[int] = (0, 1, 2)
    num_eig: int = 200
    """Test images on which explanations are tested; all, if there are fewer."""
    evidence: Sequence[Sequence[str]] = ()
    """Groups of variants whose explanations are tested; the others of a group are compared with its first."""

    def runs(self) -> list[Run]:
        """All runs, one seed after the other."""
        return [
            Run(self, dataset, variant, seed)
            for seed, dataset, variant in itertools.product(self.seeds, self.datasets, self.variants)
        ]

    def select(self, datasets: Sequence[str] = (), variants: Sequence[str] = ()) -> Experiment:
        """Returns the part of the experiment with some of its data sets and variants.

        Args:
            datasets: Names of data sets; all if there are none.
            variants: Names of variants; all if there are none.

        Raises:
            ValueError: A name is unknown.
        """
        return replace(
            self,
            datasets=_select("data set", datasets, self.datasets),
            variants=_select("variant", variants, self.variants),
        )


def _select(kind: str, names: Sequence[str], among: Mapping[str, T]) -> dict[str, T]:
    for name in names:
        if name not in among:
            raise unknown_name_error(kind, name, among)
    return {name: value for name, value in among.items() if name in names or not names}


@dataclass(frozen=True)
class Run:
    """One variant of an experiment, with one seed, on one data set."""

    experiment: Experiment
    dataset: str
    variant_name: str
    seed: int

    @property
    def variant(self) -> Variant:
        """The settings of its agent."""
        return self.experiment.variants[self.variant_name]

    @property
    def is_tested(self) -> bool:
        """Whether the explanation of its agent is tested."""
        return any(self.variant_name in group for group in self.experiment.evidence)

    @property
    def agent_name(self) -> str:
        """The name of its agent's run folder. Variants that differ only in their VAE share an agent."""
        variant = self.variant
        training = ["every-glimpse"] if variant.every_glimpse else []
        if variant.policy_kwargs or variant.settings or variant.images != 1:
            training.append(self.variant_name.replace(",", ""))
        parts = [self.dataset, variant.algorithm, variant.core, variant.reward, *training, f"seed{self.seed}"]
        return "-".join(parts).lower().replace(" ", "-")

    def make_agent(self) -> agents.Algorithm:
        """Makes the untrained agent, on the CPU; the same seed gives the same weights."""
        variant, experiment = self.variant, self.experiment
        settings: dict[str, Any] = {
            "num_envs": 256,
            "learning_rate": agents.Schedule(1e-3, 0, "cosine"),
            "location_std": agents.Schedule(0.1, 0.03),
            "loss_weights": agents.LossWeights(every_glimpse=variant.every_glimpse),
        }
        agent = agents.ALGORITHMS[variant.algorithm](
            experiment.datasets[self.dataset].make(reward=variant.reward),
            policy_kwargs={"core": variant.core, "hidden_size": 256, **variant.policy_kwargs},
            seed=self.seed,
            device="cpu",
            **settings | dict(variant.settings),
        )
        agent.total_timesteps = round(experiment.num_images * variant.images) * agent.num_glimpses
        return agent


_LAYERS = {"location_size": 128, "baseline_size": 128}
_BRANCHING_SETTINGS: dict[str, Any] = {
    "num_envs": 128,
    "learning_rate": agents.Schedule(2e-3, 0, "cosine"),
    "location_std": agents.Schedule(0.2, 0.05),
    "loss_weights": agents.LossWeights(policy=0.6, every_glimpse=True),
}
BRANCHING = Variant("Branching", "gru", "information", policy_kwargs=_LAYERS, settings=_BRANCHING_SETTINGS)
"""The presets that learn by branching, without layer normalisation, and with batches for short trainings."""


def _seeing(reward: str) -> Variant:
    """What does best in clutter in the time at hand, with a reward; see the ablation."""
    return replace(
        BRANCHING,
        algorithm="REINFORCE",
        reward=reward,
        policy_kwargs=_LAYERS | {"layer_norm": True},
        settings=_BRANCHING_SETTINGS | {"precision": "bfloat16"},
        images=4,
    )


HARD, RESHAPED, INFORMATION = "HardAtt", "HardAttReshaped", "HardAttInformation"
EVERY, ANYTIME = "HardAttEveryGlimpse", "HardAttAnytimeEveryGlimpse"

SEEING = {
    "Seeing": _seeing("hard"),
    "SeeingReshaped": _seeing("entropy"),
    "SeeingInformation": _seeing("information"),
}
"""What does best with each of three rewards, by name."""

VARIANTS = {
    HARD: Variant(),
    "HardAttLSTM": Variant(core="lstm"),
    RESHAPED: Variant(reward="entropy"),
    "HardAttA2C": Variant(algorithm="A2C"),
    "HardAttA2CReshaped": Variant(algorithm="A2C", reward="entropy"),
    "HardAttA2CLSTMReshaped": Variant(algorithm="A2C", core="lstm", reward="entropy"),
    "HardAttPartialVAE": Variant(partial=True),
    INFORMATION: Variant(reward="information"),
    "HardAttAnytime": Variant(reward="anytime"),
    "HardAttPPO": Variant(algorithm="PPO"),
    EVERY: Variant(every_glimpse=True),
    "HardAttReshapedEveryGlimpse": Variant(reward="entropy", every_glimpse=True),
    "HardAttInformationEveryGlimpse": Variant(reward="information", every_glimpse=True),
    ANYTIME: Variant(reward="anytime", every_glimpse=True),
    **SEEING,
}
"""The seven variants of the reference study, seven more, and what does best with each of three rewards, by name."""


def _branching_but(settings: dict[str, Any], **changes: Any) -> Variant:
    return replace(BRANCHING, settings=_BRANCHING_SETTINGS | settings, **changes)


ABLATION = {
    "branching": BRANCHING,
    "end of episode": _branching_but({}, algorithm="REINFORCE"),
    "end of episode, as long": _branching_but({}, algorithm="REINFORCE", images=1.7),
    "leave one out of 4 episodes": _branching_but({"episodes_per_image": 4}, algorithm="REINFORCE"),
    "2 branches": _branching_but({"num_branches": 2}),
    "8 branches": _branching_but({"num_branches": 8}),
    "hard reward": _branching_but({}, reward="hard"),
    "anytime reward": _branching_but({}, reward="anytime"),
    "rnn core": _branching_but({}, core="rnn"),
    "lstm core": _branching_but({}, core="lstm"),
    "baseline without a layer": _branching_but({}, policy_kwargs={"location_size": 128}),
    "convolutional glimpse network": _branching_but({}, policy_kwargs=_LAYERS | {"glimpse_network": "convolutional"}),
    "layer norm": _branching_but({}, policy_kwargs=_LAYERS | {"layer_norm": True}),
    "layer norm, end of episode, as long": _branching_but(
        {}, policy_kwargs=_LAYERS | {"layer_norm": True}, algorithm="REINFORCE", images=1.7
    ),
    "classifier after the last glimpse": _branching_but({"loss_weights": agents.LossWeights(policy=0.6)}),
    "half the learning rate": _branching_but({"learning_rate": agents.Schedule(1e-3, 0, "cosine")}),
}
"""Branching without layer normalisation, and one change at a time.

"As long" is the number of images that takes as much time as branching.
"""

CLUTTERED_40 = {"canvas_size": 40, "num_glimpses": 6, "glimpse_size": 8, "num_scales": 1}

EXPERIMENTS = {
    "reference-study": Experiment(
        datasets={
            "MNIST": EnvironmentSpec("GlimpseMNIST-v0", {}),
            "cluttered 40x40": EnvironmentSpec("GlimpseClutteredMNIST-v0", CLUTTERED_40),
        },
        variants=VARIANTS,
        num_images=720_000,
        num_train=20_000,
        num_epochs=4,
        evidence=((HARD, RESHAPED, INFORMATION), tuple(SEEING)),
    ),
    "digits": Experiment(
        datasets={
            "digits": EnvironmentSpec("GlimpseDigits-v0", {}),
            "cluttered digits": EnvironmentSpec("GlimpseClutteredDigits-v0", {}),
        },
        variants=VARIANTS,
        num_images=50_000,
        num_train=1437,
        num_epochs=6,
    ),
    "ablation": Experiment(
        datasets={
            "cluttered 40x40": EnvironmentSpec("GlimpseClutteredMNIST-v0", CLUTTERED_40),
            "cluttered 60x60": EnvironmentSpec("GlimpseClutteredMNIST-v0", {}),
        },
        variants=ABLATION,
        num_images=150_000,
    ),
}
"""All experiments, by name."""
