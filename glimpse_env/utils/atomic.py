"""Files that are written whole or not at all. What killed writers left behind is removed by the next one."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

if sys.platform != "win32":
    import fcntl


@contextmanager
def open_atomic(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Opens a temporary file, which takes the place of a path when the block ends without an error.

    So a crash, a full disk or a reader in between never meets half a file. Missing folders are made. A writer that was
    killed leaves its temporary file behind; the next writer of the same path removes it. The temporary file of a
    process that is alive is never touched.

    Args:
        path: The file. An older one is replaced at the end of the block.

    Yields:
        The temporary file, opened for writing and reading bytes.

    Raises:
        OSError: The file cannot be written. An older one is left as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "new", "numbers.json")
        ...     with open_atomic(path) as file:
        ...         _ = file.write(b"[1, 2]")
        ...     path.read_text()
        '[1, 2]'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    file = _create_temporary(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if sys.platform != "win32":  # where a file that is open can be renamed, it stays locked until it is
                os.replace(file.name, path)
        if sys.platform == "win32":
            os.replace(file.name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(file.name)
        raise


def write_json(path: str | os.PathLike[str], content: Any, *, allow_nan: bool = True) -> None:
    """Writes numbers, strings, lists and dicts as JSON, as a whole or not at all; see `open_atomic`.

    Raises:
        OSError: The file cannot be written. An older one is left as it was.
        ValueError: A number is NaN or infinite, unless `allow_nan`.
    """
    with open_atomic(path) as file:
        file.write(f"{json.dumps(content, indent=2, allow_nan=allow_nan)}\n".encode())


def remove_leftovers(path: Path) -> None:
    """Removes the temporary files that killed writers of a path left beside it.

    Each writer locks its temporary file. The lock ends with the process, however that ends, so a file that is not
    locked belongs to nobody. Windows refuses to remove a file that is open. Where a file system has no locks, nothing
    is removed.
    """
    pattern = re.compile(rf"\.{re.escape(path.name)}-[0-9a-f]{{16}}")
    with os.scandir(path.parent) as entries:
        leftovers = [entry.path for entry in entries if pattern.fullmatch(entry.name)]
    for leftover in leftovers:
        with suppress(OSError), open(leftover, "r+b") as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(leftover)
        if sys.platform == "win32":
            with suppress(OSError):
                os.unlink(leftover)


def _create_temporary(path: Path) -> IO[bytes]:
    """Creates and locks a temporary file beside a path, under a name that no other writer has."""
    while True:
        file = open(path.with_name(f".{path.name}-{secrets.token_hex(8)}"), "x+b")  # noqa: SIM115  (the caller closes it)
        if sys.platform == "win32":
            return file
        # Another writer may take the new file for a leftover before it is locked. Then there must be another one.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        except OSError:  # a file system without locks
            return file
        else:
            if os.fstat(file.fileno()).st_nlink:
                return file
            file.close()
