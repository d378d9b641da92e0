"""A lock that keeps other programs out of a folder."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"


class FolderInUseError(OSError):
    """Another program is writing into a folder."""


class FolderLock(AbstractContextManager["FolderLock"]):
    """Keeps other programs out of a folder until the block ends.

    The lock ends with its process, however that ends. The same thread may take the same lock again inside the block.

    Args:
        path: The folder. It is made where it does not exist.

    Raises:
        FolderInUseError: Another program, or another thread, has the lock.
        OSError: The folder cannot be made, or nothing can be written into it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # One object for each file and thread, so that a lock inside a lock is counted and does not wait for itself.
        self._lock = FileLock(path.resolve() / LOCK, is_singleton=True)
        self._identity: os.stat_result | None = None

    def __enter__(self) -> FolderLock:
        self._acquire(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Makes the folder again where it was deleted, and takes its lock.

        Raises:
            FolderInUseError: Another program has taken the folder since it was deleted. The lock is lost.
            OSError: The folder cannot be made.
        """
        try:
            if self._identity is not None and os.path.samestat(os.stat(self.path / LOCK), self._identity):
                return
        except OSError:
            pass  # the folder, or the file in it, is gone
        depth = self._lock.lock_counter
        self._lock.release(force=True)
        self._acquire(depth)

    def _acquire(self, depth: int) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(f"expected a folder, got {self.path}: Not a directory") from error
        try:
            for _ in range(depth):
                self._lock.acquire(blocking=False)
        except Timeout as error:
            raise FolderInUseError(
                f"expected a folder that no other program is using, got {self.path}: another one is writing into it"
            ) from error
        self._identity = os.stat(self.path / LOCK)
