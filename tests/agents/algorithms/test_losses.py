"""The hybrid loss: each part by hand, its weight, and its gradient."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.algorithms.losses import HybridLoss, LossWeights, hybrid_loss


def parts(weights: LossWeights, **changes: Tensor) -> dict[str, Tensor]:
    """Two locations of two episodes, three classes."""
    logits = torch.zeros(3, 2, 3)
    logits[-1, 0, 1] = math.log(2)  # the belief (1/4, 1/2, 1/4)
    arguments: dict[str, Any] = {
        "surrogate": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "logits": logits,
        "labels": torch.tensor([1, 2]),
        "values": torch.tensor([[0.5, 0.0], [0.5, 1.0]]),
        "targets": torch.tensor([[1.0, 0.0], [0.5, 0.0]]),
        "on_policy": torch.tensor([True, True]),
        "canvas_logits": None,
        "canvases": None,
    } | changes
    arguments.setdefault("all_on_policy", arguments["on_policy"])
    loss = hybrid_loss(**arguments, weights=weights)
    return {name: getattr(loss, name) for name in ("policy", "classification", "baseline")} | {"total": loss.total()}


def test_the_policy_part_is_summed_over_locations_and_averaged_over_episodes() -> None:
    assert parts(LossWeights())["policy"].item() == -(4 + 6) / 2


def test_the_classification_is_the_last_cross_entropy_in_nats() -> None:
    assert parts(LossWeights())["classification"].item() == pytest.approx((math.log(2) + math.log(3)) / 2)


def test_the_classification_can_count_every_glimpse() -> None:
    expected = (5 * math.log(3) + math.log(2)) / 6
    assert parts(LossWeights(every_glimpse=True))["classification"].item() == pytest.approx(expected)


def test_every_glimpse_is_compared_with_the_label_of_its_episode() -> None:
    sure = 20.0 * torch.nn.functional.one_hot(torch.tensor([[1, 2]] * 3), 3).float()
    assert parts(LossWeights(every_glimpse=True), logits=sure)["classification"].item() < 1e-6


def test_the_baseline_part_is_the_mean_squared_error() -> None:
    assert parts(LossWeights())["baseline"].item() == pytest.approx((0.25 + 1) / 4)


def test_exploratory_episodes_train_the_classifier_alone() -> None:
    both, first = parts(LossWeights()), parts(LossWeights(), on_policy=torch.tensor([True, False]))
    assert first["policy"].item() == -(1 + 3)
    assert first["baseline"].item() == pytest.approx(0.25 / 2)
    assert first["classification"] == both["classification"]
    none = parts(LossWeights(), on_policy=torch.tensor([False, False]))
    assert none["policy"].item() == none["baseline"].item() == 0


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["policy", "baseline", "canvas"])
def test_weights_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"expected the loss weight {name} to be a number in .*, got {value}"):
        LossWeights(**{name: value})  # type: ignore[arg-type]


def test_the_total_weighs_them() -> None:
    loss = parts(LossWeights(policy=0.25, baseline=3.0))
    expected = loss["classification"] + 0.25 * loss["policy"] + 3 * loss["baseline"]
    torch.testing.assert_close(loss["total"], expected)


def canvas_loss(weight: float, num_glimpses: int = 3) -> HybridLoss:
    """Two canvases of two pixels; after each glimpse the head says 1/4 for the first pixel and 1/2 for the second."""
    nothing = torch.zeros(num_glimpses - 1, 2)
    return hybrid_loss(
        surrogate=nothing,
        logits=torch.zeros(num_glimpses, 2, 3),
        labels=torch.tensor([1, 2]),
        values=nothing,
        targets=nothing,
        on_policy=torch.tensor([True, False]),
        all_on_policy=torch.tensor([True, False]),
        canvas_logits=torch.tensor([-math.log(3), 0.0]).expand(num_glimpses, 2, 1, 1, 2),
        canvases=torch.tensor([[1.0, 0.5], [0.0, 1.0]]).view(2, 1, 1, 2),
        weights=LossWeights(canvas=weight),
    )


@pytest.mark.parametrize("num_glimpses", [1, 3])
def test_the_canvas_part_is_the_cross_entropy_per_pixel_in_nats(num_glimpses: int) -> None:
    """Of all episodes, exploratory ones too: what is on the canvas does not depend on who looks."""
    loss = canvas_loss(2.0, num_glimpses)
    assert loss.canvas is not None
    assert loss.canvas.item() == pytest.approx((math.log(4) + math.log(4 / 3) + 2 * math.log(2)) / 4)
    assert loss.total().item() == pytest.approx(math.log(3) + 2 * loss.canvas.item())


def test_without_a_weight_there_is_no_canvas_part() -> None:
    assert canvas_loss(0.0).canvas is None
    assert canvas_loss(0.0).total().item() == pytest.approx(math.log(3))


def test_a_single_glimpse_leaves_the_classification() -> None:
    nothing = torch.empty(0, 2, requires_grad=True)
    logits = torch.zeros(1, 2, 3, requires_grad=True)
    loss = parts(LossWeights(), surrogate=nothing, logits=logits, values=nothing, targets=nothing.detach())
    assert loss["policy"].item() == loss["baseline"].item() == 0
    assert loss["total"].item() == pytest.approx(math.log(3))
    loss["total"].backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_targets_are_constants_and_the_values_move_towards_them() -> None:
    values = torch.tensor([[0.5, 0.0], [0.5, 1.0]], requires_grad=True)
    loss = parts(LossWeights(), values=values)
    (gradient,) = torch.autograd.grad(loss["baseline"], values)
    assert gradient.tolist() == [[-0.25, 0.0], [0.0, 0.5]]
