"""The suite of metrics, as `explain` computes it."""

from __future__ import annotations

from explain.explanation import Explanation


def test_every_metric_is_there_with_its_nulls(tiny_explanation: Explanation) -> None:
    metrics = {metric.name: metric for metric in tiny_explanation.evidence.metrics}
    assert list(metrics) == [
        "pointing game",
        "relevance mass accuracy",
        "relevance rank accuracy",
        "insertion",
        "deletion",
        "step fidelity",
        "forward prediction",
        "forward prediction, top 5 %",
        "posterior check",
    ]
    written = tiny_explanation.to_json()["evidence"]
    assert list(written) == list(metrics)
    for numbers in written.values():
        assert numbers["nulls"]
        assert set(numbers["margins"]) == set(numbers["nulls"])
        assert set(numbers["value"]) == {"value", "low", "high"}
