"""Rewards: values by hand, closed forms, and an independent entropy."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical

from glimpse_env.rewards import (
    Potential,
    certainty,
    first_potential,
    hard_reward,
    label_log_probability,
    shaping,
)
from glimpse_env.spaces import MAX_LOGIT

CPU = torch.device("cpu")
POTENTIALS = [certainty, label_log_probability]


def random_scores(count: int, num_classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits within their bounds, and labels."""
    generator = torch.Generator().manual_seed(seed)
    logits = (2 * torch.rand(count, num_classes, generator=generator) - 1) * MAX_LOGIT
    return logits, torch.randint(num_classes, (count,), generator=generator)


def one_hot_scores(num_classes: int) -> Tensor:
    """The surest belief in each class that the action space allows, `(C, C)`."""
    return (2 * torch.eye(num_classes) - 1) * MAX_LOGIT


def test_the_hard_reward_pays_1_for_the_label_and_0_for_all_else() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0], [0.0, 2.0, 1.0], [-20.0, -19.0, -19.5], [5.0, -5.0, 0.0]])
    rewards = hard_reward(logits, torch.tensor([1, 2, 1, 0]))
    assert rewards.tolist() == [1, 0, 1, 1]
    assert rewards.dtype == torch.float32


def test_potentials_by_hand() -> None:
    # Scores log 1, log 3 are the belief (1/4, 3/4).
    logits = torch.tensor([[0.0, math.log(3)]] * 2)
    labels = torch.tensor([0, 1])
    entropy = math.log(4) - 0.75 * math.log(3)
    assert certainty(logits, labels).tolist() == pytest.approx([-entropy, -entropy])
    assert label_log_probability(logits, labels).tolist() == pytest.approx([math.log(0.25), math.log(0.75)])


def test_shaped_rewards_of_a_step_by_hand() -> None:
    logits, labels = torch.tensor([[0.0, math.log(3)]]), torch.tensor([0])
    before = first_potential(1, 2, CPU)
    entropy = math.log(4) - 0.75 * math.log(3)
    assert shaping(certainty(logits, labels), before, 0.5).item() == pytest.approx(0.5 * (math.log(2) - entropy))
    gained = shaping(label_log_probability(logits, labels), before, 2.0)
    assert gained.item() == pytest.approx(2 * (math.log(0.25) - math.log(0.5)))


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 20), num_classes=st.integers(2, 120), seed=st.integers(0, 2**16))
def test_potentials_are_those_of_torchs_categorical_distribution(count: int, num_classes: int, seed: int) -> None:
    logits, labels = random_scores(count, num_classes, seed)
    belief = Categorical(logits=logits.double())
    torch.testing.assert_close(certainty(logits, labels).double(), -belief.entropy(), rtol=1e-5, atol=1e-5)
    log_probability = label_log_probability(logits, labels).double()
    torch.testing.assert_close(log_probability, belief.log_prob(labels), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("num_classes", [1, 2, 10, 100])
@pytest.mark.parametrize("logit", [-MAX_LOGIT, 0.0, MAX_LOGIT])
@pytest.mark.parametrize("potential", POTENTIALS)
def test_a_uniform_belief_has_the_potential_of_the_beginning(
    potential: Potential, logit: float, num_classes: int
) -> None:
    logits, labels = torch.full((3, num_classes), logit), torch.zeros(3, dtype=torch.int64)
    beginning = first_potential(3, num_classes, CPU)
    assert beginning.tolist() == pytest.approx([-math.log(num_classes)] * 3)
    torch.testing.assert_close(potential(logits, labels), beginning)


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_a_one_hot_belief_has_potential_0(num_classes: int) -> None:
    logits, labels = one_hot_scores(num_classes), torch.arange(num_classes)
    for potential in POTENTIALS:
        values = potential(logits, labels)
        assert (values <= 0).all()
        assert values.abs().max() < 1e-12


def test_being_surely_wrong_is_certain_but_not_informed() -> None:
    logits, labels = one_hot_scores(10), (torch.arange(10) + 1) % 10
    assert certainty(logits, labels).abs().max() < 1e-12
    assert label_log_probability(logits, labels).tolist() == pytest.approx([-2 * MAX_LOGIT] * 10)
    assert hard_reward(logits, labels).sum() == 0


@settings(deadline=None, max_examples=50)
@given(
    logits=st.lists(st.sampled_from([-MAX_LOGIT, -1e-30, 0.0, 1.0, MAX_LOGIT]), min_size=1, max_size=30),
    label=st.integers(0, 29),
)
def test_potentials_stay_finite_and_in_bounds_at_extreme_scores(logits: list[float], label: int) -> None:
    labels = torch.tensor([label % len(logits)])
    sure = certainty(torch.tensor([logits]), labels).item()
    informed = label_log_probability(torch.tensor([logits]), labels).item()
    assert -math.log(len(logits)) - 1e-5 <= sure <= 0
    assert -2 * MAX_LOGIT - math.log(len(logits)) - 1e-5 <= informed <= 0


@pytest.mark.parametrize("potential", POTENTIALS)
def test_adding_the_same_to_all_scores_changes_nothing(potential: Potential) -> None:
    logits, labels = random_scores(50, 10)
    torch.testing.assert_close(potential(logits / 4 + 7, labels), potential(logits / 4, labels), rtol=1e-5, atol=1e-5)


def test_certainty_does_not_depend_on_the_label() -> None:
    logits, labels = random_scores(50, 10)
    assert torch.equal(certainty(logits, labels), certainty(logits, (labels + 1) % 10))


@pytest.mark.parametrize("num_classes", [2, 3, 10, 47, 100])
@pytest.mark.parametrize("count", [2, 7, 50, 513])
@pytest.mark.parametrize("potential", POTENTIALS)
def test_the_potentials_of_a_batch_are_those_of_its_rows(potential: Potential, count: int, num_classes: int) -> None:
    logits, labels = random_scores(count, num_classes)
    rows = [potential(logits[i : i + 1], labels[i : i + 1]) for i in range(count)]
    assert torch.equal(potential(logits, labels), torch.cat(rows))


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("weight", [0.0, 0.5, -2.0])
def test_an_episodes_shaping_is_the_last_potential_minus_the_first(potential: Potential, weight: float) -> None:
    steps = [random_scores(30, 10, seed)[0] for seed in range(6)]
    labels = random_scores(30, 10)[1]
    previous, total = first_potential(30, 10, CPU), torch.zeros(30)
    for logits in steps:
        reached = potential(logits, labels)
        total += shaping(reached, previous, weight)
        previous = reached
    expected = weight * (potential(steps[-1], labels) + math.log(10))
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-4)


def test_scores_stay_as_they_are() -> None:
    logits, labels = random_scores(5, 10)
    before = logits.clone()
    for paid in (hard_reward, *POTENTIALS):
        paid(logits, labels)
    assert torch.equal(logits, before)
