"""PPO in one file learns; the examples with libraries that are not installed here are tested in tests/others."""

from __future__ import annotations

import numpy as np

from scripts.examples import one_file_ppo


def test_it_learns() -> None:
    returns = one_file_ppo.main(["--num-iterations", "40"])
    assert len(returns) == 40
    assert np.mean(returns[-10:]) > np.mean(returns[:10])
