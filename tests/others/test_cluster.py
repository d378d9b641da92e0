"""A study on a Ray cluster of several nodes gives what one machine gives, whatever happens to the nodes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ray", reason="needs Ray: run `make others`")

from ray.cluster_utils import Cluster
from stable_baselines3.common.callbacks import StopTrainingOnMaxEpisodes

import agents
from agents import RunFolder
from agents.environments import EnvironmentSpec
from scripts import compare
from scripts.study.experiments import EXPERIMENTS, HARD, RESHAPED, Experiment, Variant
from scripts.study.machines import check_machine, describe_machine
from scripts.study.work import ERROR

TINY = Experiment(
    datasets={"digits": EnvironmentSpec("GlimpseDigits-v0", {"num_glimpses": 2})},
    variants={HARD: Variant(), "HardAttPartialVAE": Variant(partial=True), RESHAPED: Variant(reward="entropy")},
    num_images=256 * 80,
    num_train=50,
    num_epochs=1,
    seeds=(0,),
)
SHORT = replace(TINY, num_images=256 * 2)
BROKEN = Variant(core="clockwork")
TABLES = ("results.csv", "table.csv", "table.md")


def run(folder: Path, experiment: Experiment, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(EXPERIMENTS, "digits", experiment)
        compare.main(["digits", "--folder", str(folder), *arguments])


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster whose head, where the driver runs, has no cores."""
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield nodes
    nodes.shutdown()


def test_a_node_that_is_killed_in_the_middle_changes_no_byte_of_the_tables(tmp_path: Path, cluster: Any) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    run(here, TINY, "--jobs", "1")
    first, _second = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    finished_before = []

    def kill_one() -> None:
        while len(list(there.glob("*/agent.zip"))) < 2:  # both nodes are at work
            time.sleep(0.05)
        cluster.remove_node(first, allow_graceful=False)
        finished_before.extend(there.glob("*/metrics.json"))

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    run(there, TINY, "--cluster", cluster.address)
    killer.join(timeout=1)
    assert not killer.is_alive()
    assert finished_before == []
    assert tables(there) == tables(here)


def test_an_interrupted_study_goes_on_and_what_fails_is_listed(tmp_path: Path, cluster: Any) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    run(here, SHORT, "--jobs", "1")
    half = next(run for run in SHORT.runs() if run.variant_name == HARD)
    run_folder = RunFolder(there / half.agent_name)
    agents.train(half.make_agent(), run_folder, [StopTrainingOnMaxEpisodes(1)])
    agent = run_folder.load_agent("cpu")
    agent.accuracy = None  # as after a kill
    agent.save(run_folder.agent)
    assert 0 < agent.num_timesteps < agent.total_timesteps

    cluster.add_node(num_cpus=1)
    broken = replace(SHORT, variants={"Broken": BROKEN, **SHORT.variants})
    with pytest.raises(SystemExit, match="error: 1 agents failed"):
        run(there, broken, "--cluster", cluster.address)
    name = "digits-reinforce-clockwork-hard-seed0"
    assert "ValueError" in (there / name / ERROR).read_text(encoding="utf-8")
    assert f"- {name}: ValueError: " in (there / "table.md").read_text(encoding="utf-8")
    run(there, SHORT, "--cluster", cluster.address)
    assert tables(there) == tables(here)


def write_images(folder: Path, brightness: int) -> None:
    for split in ("train", "test"):
        for label in ("a", "b"):
            path = folder / split / label
            path.mkdir(parents=True)
            Image.fromarray(np.full((28, 28), brightness, np.uint8)).save(path / "1.png")


def test_machines_with_other_images_or_none_are_named_before_anything_is_trained(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other, none = (tmp_path / name for name in ("mine", "other", "none"))
    write_images(mine, 10)
    write_images(other, 20)
    none.mkdir()
    monkeypatch.setenv("GLIMPSE_DATA_DIR", str(mine))
    photos = EnvironmentSpec("Glimpse-v0", {"dataset": "folder", "num_glimpses": 2})
    experiment = replace(SHORT, datasets={"photos": photos})
    differ = r"error: expected the data set 'folder' \(train\) to be"
    for folder, message in ((other, differ), (none, "error: machine")):
        node = cluster.add_node(num_cpus=1, env_vars={"GLIMPSE_DATA_DIR": str(folder)})
        with pytest.raises(SystemExit, match=message):
            run(tmp_path / "study", experiment, "--cluster", cluster.address)
        cluster.remove_node(node)
    assert not list((tmp_path / "study").glob("*/agent.zip"))


def test_another_version_is_one_error() -> None:
    environments = TINY.datasets.values()
    described = describe_machine(environments)
    check_machine(described, environments)
    for what in described:
        with pytest.raises(ValueError, match="on every machine, as where the study was started, got"):
            check_machine(described | {what: "0.0.1"}, environments)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1:999999", "nonsense", "auto"])
def test_an_address_that_does_not_answer_is_one_line(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, SHORT, "--cluster", address)
    message = str(caught.value.code)
    assert message.startswith("error: expected the address of a Ray cluster")
    assert f"got {address}: " in message
    assert "\n" not in message
