"""Reward functions: payments by hand, closed forms, an independent entropy, and that calling one changes nothing."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical

from glimpse_env.rewards import (
    REWARDS,
    Potential,
    RewardFunction,
    hard_reward,
    initial_potential,
    label_log_probability,
    negative_entropy,
)
from glimpse_env.spaces import MAX_LOGIT

POTENTIALS = [negative_entropy, label_log_probability]


def random_logits(count: int, num_classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits within their bounds, and labels."""
    generator = torch.Generator().manual_seed(seed)
    logits = (2 * torch.rand(count, num_classes, generator=generator) - 1) * MAX_LOGIT
    return logits, torch.randint(num_classes, (count,), generator=generator)


def one_hot_logits(num_classes: int) -> Tensor:
    """The surest belief in each class that the action space allows, `(C, C)`."""
    return (2 * torch.eye(num_classes) - 1) * MAX_LOGIT


def test_the_hard_reward_pays_1_for_the_label_and_0_for_all_else() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0], [0.0, 2.0, 1.0], [-20.0, -19.0, -19.5], [5.0, -5.0, 0.0]])
    rewards = hard_reward(logits, torch.tensor([1, 2, 1, 0]))
    assert rewards.tolist() == [1, 0, 1, 1]
    assert rewards.dtype == torch.float32


def test_potentials_by_hand() -> None:
    # Logits log 1, log 3 are the belief (1/4, 3/4).
    logits = torch.tensor([[0.0, math.log(3)]] * 2)
    labels = torch.tensor([0, 1])
    entropy = math.log(4) - 0.75 * math.log(3)
    assert negative_entropy(logits, labels).tolist() == pytest.approx([-entropy, -entropy])
    assert label_log_probability(logits, labels).tolist() == pytest.approx([math.log(0.25), math.log(0.75)])


def test_payments_by_hand() -> None:
    logits, labels = torch.tensor([[0.0, math.log(3)]] * 2), torch.tensor([0, 1])
    before = initial_potential(2, 2)
    entropy = math.log(4) - 0.75 * math.log(3)
    shaping = {
        "entropy": [0.5 * (math.log(2) - entropy)] * 2,
        "information": [0.5 * (math.log(p) + math.log(2)) for p in (0.25, 0.75)],
        "anytime": [0.5 * (math.log(p) + math.log(2)) for p in (0.25, 0.75)],
    }
    for name, expected in shaping.items():
        on_the_way, _ = REWARDS[name](logits, labels, before, ended=False)
        assert on_the_way is not None
        assert on_the_way.tolist() == pytest.approx(expected)
        at_the_end, _ = REWARDS[name](logits, labels, before, ended=True)
        assert at_the_end is not None
        assert at_the_end.tolist() == pytest.approx([expected[0], expected[1] + 1])


def test_the_hard_reward_pays_nothing_before_the_end() -> None:
    logits, labels = random_logits(5, 10)
    before = initial_potential(5, 10)
    assert REWARDS["hard"](logits, labels, before, ended=False)[0] is None
    payments, _ = REWARDS["hard"](logits, labels, before, ended=True)
    assert payments is not None
    assert torch.equal(payments, hard_reward(logits, labels))


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 20), num_classes=st.integers(2, 120), seed=st.integers(0, 2**16))
def test_potentials_are_those_of_torchs_categorical_distribution(count: int, num_classes: int, seed: int) -> None:
    logits, labels = random_logits(count, num_classes, seed)
    belief = Categorical(logits=logits.double())
    torch.testing.assert_close(negative_entropy(logits, labels).double(), -belief.entropy(), rtol=1e-5, atol=1e-5)
    log_probability = label_log_probability(logits, labels).double()
    torch.testing.assert_close(log_probability, belief.log_prob(labels), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("num_classes", [1, 2, 10, 100])
@pytest.mark.parametrize("logit", [-MAX_LOGIT, 0.0, MAX_LOGIT])
@pytest.mark.parametrize("potential", POTENTIALS)
def test_a_uniform_belief_has_the_potential_of_the_beginning(
    potential: Potential, logit: float, num_classes: int
) -> None:
    logits, labels = torch.full((3, num_classes), logit), torch.zeros(3, dtype=torch.int64)
    beginning = initial_potential(3, num_classes)
    assert beginning.tolist() == pytest.approx([-math.log(num_classes)] * 3)
    torch.testing.assert_close(potential(logits, labels), beginning)


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_a_one_hot_belief_has_potential_0(num_classes: int) -> None:
    logits, labels = one_hot_logits(num_classes), torch.arange(num_classes)
    for potential in POTENTIALS:
        values = potential(logits, labels)
        assert (values <= 0).all()
        assert values.abs().max() < 1e-12


def test_being_surely_wrong_is_certain_but_not_informed() -> None:
    logits, labels = one_hot_logits(10), (torch.arange(10) + 1) % 10
    assert negative_entropy(logits, labels).abs().max() < 1e-12
    assert label_log_probability(logits, labels).tolist() == pytest.approx([-2 * MAX_LOGIT] * 10)
    assert hard_reward(logits, labels).sum() == 0


@settings(deadline=None, max_examples=50)
@given(
    logits=st.lists(st.sampled_from([-MAX_LOGIT, -1e-30, 0.0, 1.0, MAX_LOGIT]), min_size=1, max_size=30),
    label=st.integers(0, 29),
)
def test_potentials_stay_finite_and_in_bounds_at_extreme_logits(logits: list[float], label: int) -> None:
    labels = torch.tensor([label % len(logits)])
    sure = negative_entropy(torch.tensor([logits]), labels).item()
    informed = label_log_probability(torch.tensor([logits]), labels).item()
    assert -math.log(len(logits)) - 1e-5 <= sure <= 0
    assert -2 * MAX_LOGIT - math.log(len(logits)) - 1e-5 <= informed <= 0


@pytest.mark.parametrize("potential", POTENTIALS)
def test_adding_the_same_to_all_logits_changes_nothing(potential: Potential) -> None:
    logits, labels = random_logits(50, 10)
    torch.testing.assert_close(potential(logits / 4 + 7, labels), potential(logits / 4, labels), rtol=1e-5, atol=1e-5)


def test_negative_entropy_does_not_depend_on_the_label() -> None:
    logits, labels = random_logits(50, 10)
    assert torch.equal(negative_entropy(logits, labels), negative_entropy(logits, (labels + 1) % 10))


@pytest.mark.parametrize("num_classes", [2, 3, 10, 47, 100])
@pytest.mark.parametrize("count", [2, 7, 50, 513])
@pytest.mark.parametrize("potential", POTENTIALS)
def test_the_potentials_of_a_batch_are_those_of_its_rows(potential: Potential, count: int, num_classes: int) -> None:
    logits, labels = random_logits(count, num_classes)
    rows = [potential(logits[i : i + 1], labels[i : i + 1]) for i in range(count)]
    assert torch.equal(potential(logits, labels), torch.cat(rows))


def pay(reward: RewardFunction, beliefs: list[Tensor], labels: Tensor) -> list[Tensor]:
    """The payments of an episode of these beliefs, at every action."""
    potential, payments = initial_potential(*beliefs[0].shape), []
    for step, logits in enumerate(beliefs, start=1):
        paid, potential = reward(logits, labels, potential, ended=step == len(beliefs))
        payments.append(torch.zeros(len(labels)) if paid is None else paid)
    return payments


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("weight", [0.0, 0.5, -2.0])
def test_the_shaping_of_an_episode_telescopes(potential: Potential, weight: float) -> None:
    beliefs, labels = [random_logits(30, 10, seed)[0] for seed in range(6)], random_logits(30, 10)[1]
    total = torch.stack(pay(RewardFunction(potential, weight), beliefs, labels)).sum(0)
    expected = hard_reward(beliefs[-1], labels) + weight * (potential(beliefs[-1], labels) + math.log(10))
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("potential", POTENTIALS)
def test_since_uniform_every_belief_is_paid_by_itself(potential: Potential) -> None:
    beliefs, labels = [random_logits(30, 10, seed)[0] for seed in range(4)], random_logits(30, 10)[1]
    payments = pay(RewardFunction(potential, 2.0, since_uniform=True), beliefs, labels)
    for logits, paid in zip(beliefs[:-1], payments, strict=False):
        torch.testing.assert_close(paid, 2 * (potential(logits, labels) + math.log(10)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", REWARDS)
def test_calling_a_reward_function_changes_nothing(name: str) -> None:
    reward, (logits, labels), (elsewhere, _) = REWARDS[name], random_logits(20, 10), random_logits(20, 10, seed=1)
    before = random_logits(20, 1)[0][:, 0]
    kept = logits.clone(), labels.clone(), before.clone()
    first = reward(logits, labels, before, ended=True)
    reward(elsewhere, labels, before, ended=False)
    again = reward(logits, labels, before, ended=True)
    assert all(torch.equal(one, other) for one, other in zip((logits, labels, before), kept, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [2, 50])
@pytest.mark.parametrize("name", REWARDS)
def test_a_batch_is_paid_what_its_rows_are_paid(name: str, count: int) -> None:
    logits, labels = random_logits(count, 10)
    together, _ = REWARDS[name](logits, labels, initial_potential(count, 10), ended=True)
    alone = [
        REWARDS[name](logits[i : i + 1], labels[i : i + 1], initial_potential(1, 10), ended=True)[0]
        for i in range(count)
    ]
    assert together is not None
    assert torch.equal(together, torch.cat(alone))  # type: ignore[arg-type]


def test_which_rewards_depend_on_the_belief() -> None:
    assert {name: reward.depends_on_belief for name, reward in REWARDS.items()} == {
        "hard": False,
        "entropy": True,
        "information": True,
        "anytime": True,
    }


def test_reward_functions_are_values() -> None:
    for name, reward in REWARDS.items():
        assert pickle.loads(pickle.dumps(reward)) == copy.deepcopy(reward) == reward, name
    assert replace(REWARDS["entropy"], weight=2) == RewardFunction(negative_entropy, weight=2.0)
    assert RewardFunction(negative_entropy, weight=1.0) != RewardFunction(negative_entropy, weight=2.0)
