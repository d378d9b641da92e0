"""REINFORCE and A2C: one step of the optimizer per rollout, along the policy gradient.

The two differ by one number, the lambda of the advantages: 1 in REINFORCE, 0 by default in A2C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.advantages import returns_and_advantages
from agents.algorithms.base import Algorithm
from agents.algorithms.losses import hybrid_loss
from agents.algorithms.rollout import Rollout
from agents.algorithms.settings import Settings, set_number


@dataclass(frozen=True)
class A2CSettings(Settings):
    """How an agent learns with A2C; also the fields of `agents.Settings`."""

    gae_lambda: float = 0.0
    """Of generalised advantage estimation: 0 is the one-step temporal difference, 1 the return less the baseline."""

    def __post_init__(self) -> None:
        super().__post_init__()
        set_number(self, "gae_lambda", 0, 1)


class PolicyGradient(Algorithm):
    """What REINFORCE and A2C share: all but the lambda of the advantages."""

    @property
    def gae_lambda(self) -> float:
        """Of generalised advantage estimation; 1 credits a location with all rewards after it."""
        return 1.0

    def train(self, rollout: Rollout) -> None:
        """Takes one step of the optimizer."""
        policy = self.policy

        # Baseline. The rollout was collected with gradients, so nothing else is computed again.
        with self._autocast():
            values = policy.value(rollout.hidden[:-1]).float()  # (T - 1, N)

        # Advantages of all locations but the last, which nobody looks at.
        returns, advantage = returns_and_advantages(
            rollout.rewards, values.detach(), self.gae_lambda, self.settings.episodes_per_image
        )  # (T - 1, N) each

        # Policy gradient: the log-probability of each location times its advantage. A demonstration path is made more
        # likely whatever it earned: maximum likelihood.
        log_prob = policy.log_prob(rollout.locations[:-1], rollout.means[:-1])  # (T - 1, N)
        surrogate = log_prob if rollout.cloning else log_prob * advantage

        # One step along the gradient of the hybrid loss.
        loss = hybrid_loss(
            surrogate=surrogate,
            logits=rollout.logits,
            labels=rollout.labels,
            values=values,
            targets=returns,
            on_policy=rollout.on_policy,
            all_on_policy=rollout.all_on_policy,
            canvas_logits=rollout.canvas_logits,
            canvases=rollout.canvases,
            weights=self.settings.loss_weights,
        )
        self._optimizer_step(loss)


class REINFORCE(PolicyGradient):
    """Learns where to look by REINFORCE with a learned baseline (Williams 1992), as Mnih et al. (2014) do.

    Each location is credited with all rewards after it, less what the baseline expected.

    Arguments, attributes and errors are those of `agents.Algorithm`, with the settings of `Settings`.

    Example:
        >>> agent = REINFORCE("glimpse_env:GlimpseDigits-v0", num_envs=64, seed=0).learn(64 * 6 * 20)
        >>> agent.num_timesteps
        7680
    """


class A2C(PolicyGradient):
    """Learns where to look by advantage actor-critic; by default the one-step A2C.

    With `gae_lambda=0`, the default, each location is credited with its next reward and what the baseline expects after
    it, less what the baseline expected before; the baseline learns from the same difference.

    Mnih et al. (2016) use n-step returns, and Stable-Baselines3's default is `n_steps=5, gae_lambda=1`. Rollouts are
    whole episodes here, so `gae_lambda=1` gives the return to the end of the episode, which is REINFORCE.

    Arguments, attributes and errors are those of `agents.Algorithm`, with the settings of `A2CSettings`.

    Example:
        >>> agent = A2C("glimpse_env:GlimpseDigits-v0", num_envs=64, gae_lambda=0.9, seed=0).learn(64 * 6 * 20)
        >>> agent.num_timesteps
        7680
    """

    settings_class: ClassVar[type[Settings]] = A2CSettings
    settings: A2CSettings

    @property
    def gae_lambda(self) -> float:
        """Of generalised advantage estimation, as the settings say."""
        return self.settings.gae_lambda
