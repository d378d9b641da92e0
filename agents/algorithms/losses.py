"""The hybrid loss: policy gradient on the location, cross-entropy on the classifier, squared error on the baseline.

A policy that can predict the canvas may be trained to do so, too: cross-entropy on the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from agents.algorithms.schedules import MAX_NUMBER
from glimpse_env.config import check_flag, read_number
from glimpse_env.utils.errors import shown, unknown_name_error


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss; that of the classification is 1.

    Attributes:
        policy: Weight of the policy gradient.
        baseline: Weight of the baseline's squared error.
        every_glimpse: Whether the classifier is trained after every glimpse, not only after the last.
        canvas: Weight of the cross-entropy of the canvas, for policies with a `canvas_head`.

    Raises:
        TypeError: A weight is no number, or `every_glimpse` is not True or False.
        ValueError: A weight is negative, or beyond what float32 holds.
    """

    policy: float = 0.1
    baseline: float = 1.0
    every_glimpse: bool = False
    canvas: float = 0.0

    def __post_init__(self) -> None:
        for name in ("policy", "baseline", "canvas"):
            object.__setattr__(self, name, read_number(f"the loss weight {name}", getattr(self, name), 0, MAX_NUMBER))
        check_flag("every_glimpse", self.every_glimpse)
        object.__setattr__(self, "every_glimpse", bool(self.every_glimpse))

    @classmethod
    def read(cls, weights: Any) -> LossWeights:
        """Takes loss weights as they are, or makes them of what `asdict` made of some.

        Raises:
            TypeError: They are neither.
            ValueError: There is no weight of that name, or it is out of range.
        """
        if isinstance(weights, LossWeights):
            return weights
        if not isinstance(weights, dict):
            raise TypeError(f"expected loss_weights to be an agents.LossWeights, got {shown(weights)}")
        known = [one.name for one in fields(cls)]
        for name in weights:
            if name not in known:
                raise unknown_name_error("loss weight", name, known)
        return cls(**weights)


@dataclass(frozen=True)
class HybridLoss:
    """The parts of the loss, each a scalar.

    Attributes:
        weights: Weights of the parts.
        policy: Policy-gradient loss, summed over the locations of an episode.
        classification: Cross-entropy in nats.
        baseline: Mean squared error.
        canvas: Cross-entropy of the canvas in nats per pixel; None where it is not trained.
    """

    weights: LossWeights
    policy: Tensor
    classification: Tensor
    baseline: Tensor
    canvas: Tensor | None = None

    def parts(self) -> dict[str, Tensor]:
        """The parts that are trained, by name."""
        parts = {"policy": self.policy, "classification": self.classification, "baseline": self.baseline}
        return parts if self.canvas is None else parts | {"canvas": self.canvas}

    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        total = self.classification + self.weights.policy * self.policy + self.weights.baseline * self.baseline
        return total if self.canvas is None else total + self.weights.canvas * self.canvas


def hybrid_loss(
    surrogate: Tensor,
    logits: Tensor,
    labels: Tensor,
    values: Tensor,
    targets: Tensor,
    on_policy: Tensor,
    all_on_policy: Tensor,
    canvas_logits: Tensor | None,
    canvases: Tensor | None,
    weights: LossWeights,
) -> HybridLoss:
    """Adds up the parts of the loss of Mnih et al. (2014), section 3.2.

    With s_t the surrogate of location t, averaged over the on-policy episodes,

        loss = cross-entropy(label, logits) - w_policy * sum_t s_t + w_baseline * mean_t (v_t - target_t)^2

    The gradient of s_t = A_t log pi(location t) is the policy gradient. To this adds, with a weight of its own, the
    Bernoulli cross-entropy of the pooled canvas, mean over glimpses and pixels.

    Of a batch that several processes share, this is the part of one of them: summed over the processes, the losses are
    those of the whole batch.

    Args:
        surrogate: s_t of each location, which is maximised, `(T - 1, N)`.
        logits: Logits, `(T, N, C)`.
        labels: True classes, `(N,)`.
        values: The baseline's estimates v_t, `(T - 1, N)`.
        targets: What they should have been, `(T - 1, N)`, without gradient.
        on_policy: Episodes that the location network and the baseline learn from, `(N,)` bool; the classifier learns
            from all.
        all_on_policy: The same of all episodes of the batch, in all processes, `(M,)` bool.
        canvas_logits: Logits of the pixels of the pooled canvas, `(T, N, C, side, side)`; None without a canvas head.
        canvases: These pixels in [0, 1], `(N, C, side, side)`; None without a canvas head.
        weights: Weights of the parts.
    """
    judged = logits if weights.every_glimpse else logits[-1:]
    total = cross_entropy(judged.flatten(0, 1), labels.repeat(len(judged)), reduction="sum")
    classification = total / (len(judged) * len(all_on_policy))
    canvas = None
    if weights.canvas > 0 and canvas_logits is not None and canvases is not None:
        canvas = canvas_logits.float().sum()  # 0 where this process has no episode of the batch
        if len(on_policy) > 0:
            canvas = binary_cross_entropy_with_logits(canvas_logits.float(), canvases.expand_as(canvas_logits))
            canvas = canvas * (len(on_policy) / len(all_on_policy))
    if len(surrogate) == 0:  # a single glimpse: there is no location to choose
        return HybridLoss(weights, surrogate.sum(), classification, baseline=values.sum(), canvas=canvas)
    counts = on_policy.float() / all_on_policy.sum().clamp(min=1)  # (N,), adding up to 1 over all processes
    return HybridLoss(
        weights,
        policy=-(surrogate.sum(0) * counts).sum(),
        classification=classification,
        baseline=((values - targets).square().mean(0) * counts).sum(),
        canvas=canvas,
    )
