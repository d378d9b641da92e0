"""The hybrid loss: policy gradient on the location, cross-entropy on the classifier, squared error on the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from agents.algorithms.rollout import Rollout
from agents.policy.recurrent_policy import RAMPolicy


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts; the classification always counts 1.

    Attributes:
        policy: Weight of the policy gradient.
        baseline: Weight of the baseline's squared error.
        every_glimpse: Whether the classifier is trained after every glimpse, not only after the last.

    Raises:
        ValueError: A weight is negative or not finite.
    """

    policy: float = 0.1
    baseline: float = 1.0
    every_glimpse: bool = False

    def __post_init__(self) -> None:
        for name in ("policy", "baseline"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"expected the weight {name} to be finite and not negative, got {value}")


@dataclass(frozen=True)
class HybridLoss:
    """The parts of the loss, each a scalar.

    Attributes:
        weights: How much each counts.
        policy: Policy-gradient loss, summed over the locations of an episode.
        classification: Cross-entropy in nats.
        baseline: Mean squared error.
    """

    weights: LossWeights
    policy: Tensor
    classification: Tensor
    baseline: Tensor

    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return self.classification + self.weights.policy * self.policy + self.weights.baseline * self.baseline


def policy_gradient_loss(
    policy: RAMPolicy, rollout: Rollout, values: Tensor, advantage: Tensor, weights: LossWeights
) -> HybridLoss:
    """The loss of the algorithms that use a rollout once, with its own gradients.

    Args:
        policy: Who played the episodes.
        rollout: The episodes.
        values: The baseline's estimates for them, `(T - 1, N)`.
        advantage: What the locations were worth, `(T - 1, N)`, without gradient.
        weights: Weights of the parts.
    """
    log_prob = policy.log_prob(rollout.locations[:-1], rollout.means[:-1])
    # A path that it is led along is made more likely whatever it earned: maximum likelihood.
    surrogate = log_prob if rollout.led else log_prob * advantage
    targets = values.detach() + advantage
    return hybrid_loss(surrogate, rollout.logits, rollout.labels, values, targets, rollout.own, weights)


def hybrid_loss(
    surrogate: Tensor,
    logits: Tensor,
    labels: Tensor,
    values: Tensor,
    targets: Tensor,
    own: Tensor,
    weights: LossWeights,
) -> HybridLoss:
    """Puts the parts together (Mnih et al. 2014, section 3.2).

    Args:
        surrogate: What is to be maximised for each location, `(T - 1, N)`; its gradient is the policy gradient.
        logits: Logits, `(T, N, C)`.
        labels: True classes, `(N,)`.
        values: The baseline's estimates, `(T - 1, N)`.
        targets: What they should have been, `(T - 1, N)`, without gradient.
        own: In which episodes the policy chose the locations, `(N,)` bool: location network and baseline learn from
            these alone, the classifier from all.
        weights: Weights of the parts.
    """
    judged = logits if weights.every_glimpse else logits[-1:]
    classification = cross_entropy(judged.flatten(0, 1), labels.repeat(len(judged)))
    if len(surrogate) == 0:  # a single glimpse: nobody chooses where to look
        return HybridLoss(weights, policy=surrogate.sum(), classification=classification, baseline=values.sum())
    counts = own.float() / own.sum().clamp(min=1)  # (N,), adding up to 1
    return HybridLoss(
        weights,
        policy=-(surrogate.sum(0) * counts).sum(),
        classification=classification,
        baseline=((values - targets).square().mean(0) * counts).sum(),
    )
