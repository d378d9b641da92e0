"""Folders of images: what becomes of files of many kinds, which splits and classes there must be, and damaged files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from glimpse_env.data.datasets import DatasetError, load_dataset


def write(path: Path, colour: Any, size: tuple[int, int] = (12, 10), mode: str = "RGB", **how: Any) -> Path:
    """Writes an image of one colour; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **how)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes of RGB images in two splits."""
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            write(tmp_path / split / "cat" / f"{number}.png", (200, number, 0))
            write(tmp_path / split / "dog" / f"{number}.png", (0, number, 200))
    return tmp_path


@pytest.mark.parametrize("split", ["train", "test"])
def test_holds_what_torchvisions_image_folder_does(pets: Path, split: str) -> None:
    loaded = load_dataset("folder", split, pets)
    theirs = ImageFolder(pets / split)
    assert loaded.class_names == tuple(theirs.classes)
    assert loaded.labels.tolist() == theirs.targets
    expected = np.stack([np.asarray(image) for image, _ in theirs]).transpose(0, 3, 1, 2)
    assert (loaded.images.numpy() == expected).all()


def test_gym_makes_it(pets: Path) -> None:
    arguments: dict[str, Any] = {"dataset": "folder", "data_dir": pets, "image_size": 16, "canvas_size": 24}
    env = gym.make("Glimpse-v0", split="test", **arguments)
    assert env.action_space.shape == (4,)
    observation, info = env.reset(options={"index": 3})
    assert observation["glimpse"].shape == (3, 8, 8)
    assert gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json())).spec == env.spec
    assert info["index"] == 3


def test_grey_images_have_one_channel_and_a_single_colour_makes_all_rgb(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / split / "a" / "1.png", 30, mode="L")
        write(tmp_path / split / "b" / "2.png", (90, 255), mode="LA")
    assert load_dataset("folder", "test", tmp_path).images[:, :, 0, 0].tolist() == [[30], [90]]
    write(tmp_path / "train" / "b" / "3.jpg", (255, 255, 255))
    for image_size in (None, 10):
        assert load_dataset("folder", "test", tmp_path / "train" / "..", image_size or 12).images.shape[1] == 3


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / split / "a" / "1.png", (255, 255, 255, 0), mode="RGBA")
        write(tmp_path / split / "a" / "2.png", (255, 255, 255, 255), mode="RGBA")
    assert load_dataset("folder", "test", tmp_path).images[:, 0, 0, 0].tolist() == [0, 255]


def test_images_of_many_sizes_are_scaled_and_cropped_around_the_centre(tmp_path: Path) -> None:
    for split in ("train", "test"):
        wide = Image.new("L", (90, 30), 255)
        wide.paste(0, (30, 0, 60, 30))  # black in the middle, where the square is
        (tmp_path / split / "a").mkdir(parents=True)
        wide.save(tmp_path / split / "a" / "1.png")
        write(tmp_path / split / "a" / "2.png", 100, (20, 40), "L")
    images = load_dataset("folder", "test", tmp_path, image_size=15).images
    assert images.shape == (2, 1, 15, 15)
    assert images[0, 0, :, 2:-2].max() == 0
    assert images[1].unique().tolist() == [100]
    assert load_dataset("folder", "test", tmp_path, image_size=7).images.shape[-1] == 7


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    for split in ("train", "test"):
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned by 90 degrees
        write(tmp_path / split / "a" / "1.jpg", (9, 9, 9), (12, 10), exif=exif)
    assert load_dataset("folder", "test", tmp_path).images.shape[2:] == (12, 10)


@pytest.mark.parametrize("where", ["train/cat/1.png", "test/dog/1.png"])
def test_images_of_different_sizes_need_a_size(pets: Path, where: str) -> None:
    write(pets / where, (0, 0, 0), (40, 30))
    split = where.partition("/")[0]
    with pytest.raises(DatasetError, match=rf"12x10 pixels.*got 40x30 in .*{where}: image_size"):
        load_dataset("folder", split, pets)


def test_all_damaged_files_are_named(pets: Path) -> None:
    whole = (pets / "train" / "cat" / "0.png").read_bytes()
    damage = {
        "truncated.png": whole[:50],
        "empty.png": b"",
        "text.jpg": b"no image",
        "header.png": whole[:8] + b"\0" * 40,
    }
    for name, content in damage.items():
        (pets / "train" / "cat" / name).write_bytes(content)
    with pytest.raises(DatasetError, match=r"expected image files that can be read, got ") as raised:
        load_dataset("folder", "train", pets, image_size=8)
    assert all(str(pets / "train" / "cat" / name) in str(raised.value) for name in damage)
    assert "\n" not in str(raised.value)
    for number in range(4):
        (pets / "train" / "dog" / f"bad{number}.png").touch()
    with pytest.raises(DatasetError, match=r"and 3 more$"):
        load_dataset("folder", "train", pets)


def test_images_of_more_than_8_bits_are_refused(pets: Path) -> None:
    write(pets / "train" / "cat" / "deep.png", 40_000, mode="I;16")
    with pytest.raises(DatasetError, match=r"deep\.png \(expected 8 bits per channel, got mode I"):
        load_dataset("folder", "train", pets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "train").rename(root / "training"), r"train/CLASS/IMAGE.*No such file"),
        (lambda root: (root / "test").rename(root / "val"), "test/CLASS/IMAGE"),
        (lambda root: (root / "train" / "empty").mkdir(), "empty"),
        (lambda root: write(root / "test" / "bird" / "1.png", (0, 0, 0)), "test/bird, which is not in train"),
        (lambda root: [path.unlink() for path in (root / "test").rglob("*.png")], "no image in test"),
    ],
)
def test_other_layouts_are_refused_in_one_sentence(pets: Path, change: Any, message: str) -> None:
    change(pets)
    with pytest.raises(DatasetError, match=message) as raised:
        load_dataset("folder", "test", pets)
    assert str(raised.value).startswith(f"expected {pets} to hold ")
    assert re.search(r"\n", str(raised.value)) is None


def test_a_class_may_have_no_test_image(pets: Path) -> None:
    for path in (pets / "test" / "cat").iterdir():
        path.unlink()
    test = load_dataset("folder", "test", pets)
    assert (test.num_classes, test.labels.tolist()) == (2, [1, 1])


def test_other_data_sets_are_not_resized() -> None:
    with pytest.raises(ValueError, match="expected no image_size, since images of 'digits' are not resized, got 20"):
        load_dataset("digits", image_size=20)
