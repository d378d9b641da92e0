"""Images of your own in files: a folder for each split, in it a folder for each class (torchvision's `ImageFolder`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimpse_env.data.checksums import DatasetError

GREY = ("1", "L", "LA")
"""Modes of Pillow's images without colour."""
DEEP = ("I", "F")
"""How the modes begin that have more than 8 bits per channel."""
MAX_NAMED = 5


def load_image_folder(
    split: str, folder: Path, image_size: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Loads `folder/train/CLASS/*` or `folder/test/CLASS/*`.

    The training split says for both splits which classes there are and whether the images have colours. Transparent
    pixels are black, as what is outside a canvas.

    Args:
        split: `"train"` or `"test"`.
        folder: Holds the folders `train` and `test`.
        image_size: Images are scaled until their shorter side has so many pixels, and cropped to a square around the
            centre. By default they stay as they are, and must have the same size.

    Returns:
        Images `(M, H, W)` or `(M, H, W, 3)`, labels `(M,)`, and the names of the classes in alphabetical order.

    Raises:
        DatasetError: A folder is missing or empty, the classes of the splits differ, files are damaged, or images have
            different sizes and there is no `image_size`.
    """
    from torchvision.datasets.folder import IMG_EXTENSIONS, find_classes, make_dataset

    try:
        class_names, labels = find_classes(folder / "train")
        train = make_dataset(folder / "train", labels, IMG_EXTENSIONS)
        unknown = sorted(set(find_classes(folder / split)[0]) - set(class_names))
        files = make_dataset(folder / split, labels, IMG_EXTENSIONS, allow_empty=True)
    except OSError as error:
        raise DatasetError(
            f"expected {folder} to hold train/CLASS/IMAGE and test/CLASS/IMAGE for every class, got: {error}"
        ) from error
    if unknown or not files:
        problem = f"{split}/{unknown[0]}, which is not in train" if unknown else f"no image in {split}"
        raise DatasetError(f"expected {folder} to hold images of the same classes for both splits, got {problem}")
    mode = "L" if _all_grey(Path(path) for path, _ in train) else "RGB"
    images = _read_images([Path(path) for path, _ in files], mode, image_size)
    first = images[0] if split == "train" else _read_images([Path(train[0][0])], mode, image_size)[0]
    for image, (path, _) in zip(images, files, strict=True):
        if image.shape != first.shape:
            height, width = first.shape[:2]
            raise DatasetError(
                f"expected images of {width}x{height} pixels like {train[0][0]}, got {image.shape[1]}x{image.shape[0]} "
                f"in {path}: image_size=... makes all of them squares of one size"
            )
    return np.stack(images), np.array([label for _, label in files]), class_names


def _all_grey(paths: Iterable[Path]) -> bool:
    from PIL import Image

    for path in paths:
        try:
            with Image.open(path) as image:
                if image.mode not in GREY:
                    return False
        except OSError:
            continue  # reported where the images are read
    return True


def _read_images(paths: list[Path], mode: str, image_size: int | None) -> list[NDArray[np.uint8]]:
    images, damaged = [], []
    for path in paths:
        try:
            images.append(_read_image(path, mode, image_size))
        except Exception as error:  # Pillow's decoders raise errors of many types
            damaged.append(f"{path} ({' '.join(str(error).split())})")
    if damaged:
        more = f" and {len(damaged) - MAX_NAMED} more" if len(damaged) > MAX_NAMED else ""
        raise DatasetError(f"expected image files that can be read, got {', '.join(damaged[:MAX_NAMED])}{more}")
    return images


def _read_image(path: Path, mode: str, image_size: int | None) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        if opened.mode.startswith(DEEP):
            raise ValueError(f"expected 8 bits per channel, got mode {opened.mode}")
        image: Image.Image = ImageOps.exif_transpose(opened)
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
        image = image.convert(mode)
        if image_size is not None:
            image = ImageOps.fit(image, (image_size, image_size))
        return np.asarray(image)
