"""The registry of data sets: that splits are held once, how own data are registered, and what is refused."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimpse_env.data import datasets
from glimpse_env.data.datasets import DatasetError, dataset_names, load_dataset, register_dataset
from glimpse_env.data.sources import Loaded

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([0, 1, 1])
NAMES = ["no", "yes"]


def test_a_split_is_loaded_once_and_shared(tmp_path: Path) -> None:
    calls = []

    def loader(split: str, data_dir: Path) -> Loaded:
        calls.append((split, data_dir))
        return IMAGES, LABELS, NAMES

    register_dataset("own", loader)
    nested = tmp_path / "nested"
    first = load_dataset("own", "train", tmp_path)
    assert load_dataset("own", data_dir=f"{nested}{os.sep}..") is first
    assert calls == [("train", tmp_path)]
    assert load_dataset("own", "test", tmp_path) is not first
    assert load_dataset("own", "train", nested) is not first
    assert calls[1:] == [("test", tmp_path), ("train", nested)]


def test_threads_that_ask_together_load_once() -> None:
    calls, results = [], []
    together = threading.Barrier(4)

    def loader(split: str, data_dir: Path) -> Loaded:
        calls.append(split)
        return IMAGES, LABELS, NAMES

    def ask() -> None:
        together.wait()
        results.append(load_dataset("own"))

    register_dataset("own", loader)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["train"]
    assert len({id(result) for result in results}) == 1


def test_registering_again_replaces_the_loader_and_what_is_held() -> None:
    register_dataset("own", lambda split, data_dir: (IMAGES, LABELS, NAMES))
    load_dataset("own")
    register_dataset("own", lambda split, data_dir: (255 - IMAGES, LABELS, NAMES))
    assert load_dataset("own").images[0, 0, 0, 0] == 255
    assert dataset_names().count("own") == 1


def test_a_loader_may_build_on_another_data_set() -> None:
    def zeros_and_ones(split: str, data_dir: Path) -> Loaded:
        digits = load_dataset("digits", split, data_dir)
        keep = digits.labels < 2
        return digits.images[keep, 0], digits.labels[keep], NAMES

    register_dataset("zeros_and_ones", zeros_and_ones)
    assert load_dataset("zeros_and_ones", "test").labels.unique().tolist() == [0, 1]


def test_the_folder_comes_from_the_environment_variable_or_else_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def loader(split: str, data_dir: Path) -> Loaded:
        asked.append(data_dir)
        return IMAGES, LABELS, NAMES

    register_dataset("own", loader)
    monkeypatch.setattr(datasets, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    monkeypatch.setenv("GLIMPSE_DATA_DIR", str(tmp_path / "variable"))
    load_dataset("own")
    monkeypatch.delenv("GLIMPSE_DATA_DIR")
    load_dataset("own")
    assert asked == [tmp_path / "variable", tmp_path / "cache" / "glimpse_env"]


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_registered_images_become_channel_first(convert: object, channels: int | None) -> None:
    images = IMAGES if channels is None else np.repeat(IMAGES[..., None], channels, axis=3)
    register_dataset("own", lambda split, data_dir: (convert(images), convert(LABELS), NAMES))  # type: ignore[operator]
    own = load_dataset("own")
    assert own.images.shape == (3, channels or 1, 4, 5)
    assert own.images.is_contiguous()
    assert (own.images.numpy() == IMAGES[:, None]).all()
    assert own.labels.tolist() == LABELS.tolist()
    assert own.class_names == tuple(NAMES)


@pytest.mark.filterwarnings("error")
def test_read_only_reversed_and_foreign_arrays_are_accepted() -> None:
    images = IMAGES[::-1]
    images.setflags(write=False)
    register_dataset("own", lambda split, data_dir: (images, LABELS.astype(">u2"), NAMES))
    own = load_dataset("own")
    assert (own.images.numpy() == IMAGES[::-1, None]).all()
    assert own.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        ([IMAGES, LABELS, NAMES], r"expected its loader to return \(images, labels, class_names\), got list"),
        ((IMAGES, LABELS), "expected its loader to return"),
        ((IMAGES / 255, LABELS, NAMES), r"expected uint8 images in \[0, 255\], got float64"),
        ((IMAGES[0], LABELS, NAMES), r"expected non-empty images of shape .*, got \(4, 5\)"),
        ((IMAGES[:0], LABELS[:0], NAMES), r"expected non-empty images of shape .*, got \(0, 4, 5, 1\)"),
        ((np.zeros((3, 1, 28, 28), np.uint8), LABELS, NAMES), r"channel-last .*, got \(3, 1, 28, 28\)"),
        ((IMAGES, LABELS / 1, NAMES), "expected integer labels, got float64"),
        ((IMAGES, LABELS > 0, NAMES), "expected integer labels, got bool"),
        ((IMAGES, ["no", "yes", "no"], NAMES), "expected integer labels, got <U3"),
        ((IMAGES, LABELS[:2], NAMES), r"expected labels of shape \(3,\), one per image, got \(2,\)"),
        ((IMAGES, LABELS[:, None], NAMES), r"expected labels of shape \(3,\), one per image, got \(3, 1\)"),
        ((IMAGES, LABELS + 1, NAMES), r"expected labels in \[0, 2\), one per class name, got 1 to 2"),
        ((IMAGES, LABELS - 1, NAMES), r"expected labels in \[0, 2\), one per class name, got -1 to 0"),
        ((IMAGES, LABELS, "ny"), "expected class_names to be a sequence of strings, got 'ny'"),
        ((IMAGES, LABELS, [0, 1]), r"expected class_names to be a sequence of strings, got \[0, 1\]"),
    ],
)
def test_unusable_registered_data_are_refused_and_not_held(loaded: object, message: str) -> None:
    register_dataset("own", lambda split, data_dir: loaded)  # type: ignore[arg-type, return-value]
    for _ in range(2):
        with pytest.raises(DatasetError, match=f"Data set 'own', split 'test': {'.*' + message}"):
            load_dataset("own", "test")


def test_a_loader_must_be_callable() -> None:
    with pytest.raises(TypeError, match=r"'own' needs a loader\(split, data_dir\), got tuple"):
        register_dataset("own", (IMAGES, LABELS, NAMES))  # type: ignore[arg-type]


def test_unknown_names_and_splits() -> None:
    with pytest.raises(ValueError, match=r"Unknown data set 'mnits'\. Did you mean 'mnist'\?"):
        load_dataset("mnits")
    with pytest.raises(ValueError, match=r"Unknown data set 'ours'.*register_dataset\('ours', loader\) comes first\.$"):
        load_dataset("ours")
    with pytest.raises(ValueError, match=r"Unknown split 'Train'\. Did you mean 'train'\?"):
        load_dataset("digits", "Train")


@pytest.mark.parametrize("name", [3, "", ["x"]])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(TypeError, match="expected the name of a data set"):
        register_dataset(name, lambda split, data_dir: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="Did you mean 'digits'"):
        load_dataset("digitz")


@pytest.mark.parametrize("class_names", [None, 5, {"a": 1}])
def test_class_names_of_another_kind_are_refused(class_names: Any) -> None:
    register_dataset("odd", lambda split, data_dir: (np.zeros((2, 9, 9), np.uint8), np.zeros(2, int), class_names))
    with pytest.raises(DatasetError, match="class_names to be a sequence of strings"):
        load_dataset("odd")
