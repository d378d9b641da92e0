"""Experiments: which variants there are, which agents they share, and how a part is selected."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

import agents
from agents.environments import EnvironmentSpec
from scripts.study.experiments import ABLATION, BRANCHING, EXPERIMENTS, HARD, RESHAPED, Variant


def test_the_reference_study_has_its_seven_variants_on_both_data_sets() -> None:
    experiment = EXPERIMENTS["reference-study"]
    assert len(experiment.seeds) >= 3
    assert [spec.arguments.get("canvas_size") for spec in experiment.datasets.values()] == [None, 40]
    for environment in experiment.datasets.values():
        assert EnvironmentSpec(environment.env_id.replace("MNIST", "Digits"), environment.arguments).make()
    variants = list(experiment.variants.values())
    for expected in (
        Variant(),
        Variant(core="lstm"),
        Variant(reward="entropy"),
        Variant(algorithm="A2C"),
        Variant(algorithm="A2C", reward="entropy"),
        Variant(algorithm="A2C", core="lstm", reward="entropy"),
        Variant(partial=True),
        Variant(reward="information"),
        Variant(algorithm="PPO"),
    ):
        assert expected in variants


def test_variants_that_differ_only_in_the_vae_share_an_agent() -> None:
    names = {run.variant_name: run.agent_name for run in EXPERIMENTS["digits"].runs() if run.dataset == "digits"}
    assert names[HARD] == names["HardAttPartialVAE"]
    assert len(set(names.values())) == len(names) - 1


def test_a_part_has_only_the_named_data_sets_and_variants() -> None:
    experiment = EXPERIMENTS["reference-study"]
    part = experiment.select(["MNIST"], [HARD, RESHAPED])
    assert [(run.dataset, run.variant_name) for run in part.runs()] == 3 * [("MNIST", HARD), ("MNIST", RESHAPED)]
    assert experiment.select() == experiment


@pytest.mark.parametrize(
    ("datasets", "variants", "message"),
    [(["MNITS"], [], "Unknown data set 'MNITS'"), ([], ["HardAtt2"], "Unknown variant 'HardAtt2'")],
)
def test_an_unknown_name_is_refused(datasets: list[str], variants: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EXPERIMENTS["reference-study"].select(datasets, variants)


def test_the_ablation_makes_one_change_at_a_time() -> None:
    experiment = EXPERIMENTS["ablation"]
    assert len(experiment.seeds) >= 3
    runs = {run.variant_name: run for run in experiment.runs() if run.dataset == "cluttered 40x40" and run.seed == 0}
    assert len({run.agent_name for run in runs.values()}) == len(ABLATION)
    for name, variant in ABLATION.items():
        changed = [one.name for one in fields(Variant) if getattr(variant, one.name) != getattr(BRANCHING, one.name)]
        base = name.removeprefix("layer norm, ")  # what has this before its name has layer normalisation, too
        expected = {"branching": 0, "end of episode, as long": 2, "leave one out of 4 episodes": 2}.get(base, 1)
        assert len(changed) == expected + (base != name), name


def test_the_ablation_starts_from_the_preset() -> None:
    preset = agents.PRESETS["cluttered40"]
    assert BRANCHING.algorithm == preset.algorithm
    network = {"core": BRANCHING.core, "hidden_size": 256, **BRANCHING.policy_kwargs}
    assert network | {"layer_norm": True} == preset.policy_kwargs, "but for what a variant adds"
    assert BRANCHING.settings == agents.PRESETS["cluttered-digits"].settings, "those of the preset for short trainings"
    assert BRANCHING.reward == preset.environment.arguments["reward"]


def test_a_variant_that_takes_more_images_trains_longer() -> None:
    arguments = {"dataset": "digits", **EXPERIMENTS["ablation"].datasets["cluttered 40x40"].arguments}
    datasets = {"digits": EnvironmentSpec("Glimpse-v0", arguments)}
    experiment = replace(EXPERIMENTS["ablation"], datasets=datasets, seeds=(0,), num_images=1000)
    steps = {run.variant_name: run.make_agent().total_timesteps for run in experiment.runs()}
    assert steps["branching"] == 6000
    assert steps["end of episode, as long"] == round(1.7 * 1000) * 6
