"""Headlines and checks: a check fails when its control says so, and sentences have the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from explain.explanation import Explanation
from explain.knowledge.intervals import Estimate
from explain.report.summary import Check, checks_of, headlines_of


def around(*values: float) -> Estimate:
    """An estimate `(T,)`, or `()` of a single value, whose interval reaches 0.01 to both sides."""
    middle = torch.tensor(values if len(values) > 1 else values[0], dtype=torch.float64)
    return Estimate(middle, middle - 0.01, middle + 0.01)


@pytest.fixture
def trusted(tiny_explanation: Explanation) -> Explanation:
    """An explanation that passes all checks."""
    curves, looks = tiny_explanation.curves, tiny_explanation.location_policies
    reconstruction, validation = tiny_explanation.reconstruction, tiny_explanation.eig_validation
    return replace(
        tiny_explanation,
        curves=replace(
            curves,
            accuracy=around(0.4, 0.9),
            information_gain=around(0.5, 2.0),
            label_information=around(0.5, 1.995),
            overconfidence=around(0.0, 0.005),
        ),
        reconstruction=replace(
            reconstruction,
            error=around(0.3, 0.1),
            shuffled=around(0.5, 0.5),
            oracle_memory=around(0.3, 0.08),
            full_image_oracle=around(0.05),
            mean_image=around(0.5),
            mean_of_class=around(0.2),
        ),
        eig_validation=replace(
            validation,
            rank_correlation=around(0.6, 0.8),  # as of three glimpses
            place_correlation=around(0.5, 0.55),
            location_correlation=around(0.7),
            entropy_correlation=around(0.65),
            partial_correlation=around(0.4),
        ),
        location_policies={
            "learned policy": replace(looks["learned policy"], accuracy=around(0.4, 0.9)),
            "EIG policy": replace(looks["learned policy"], accuracy=around(0.4, 0.85)),
            "random": replace(looks["learned policy"], accuracy=around(0.4, 0.6)),
        },
    )


def failed(explanation: Explanation) -> list[int]:
    """The numbers of the checks that fail."""
    return [number for number, check in enumerate(checks_of(explanation)) if not check.holds]


def test_a_good_explanation_passes_all_checks(trusted: Explanation) -> None:
    assert failed(trusted) == []
    assert len(checks_of(trusted)) == 8


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"error": around(0.3, 0.49)}, [0, 2]),
        ({"shuffled": around(0.3, 0.3)}, [1]),
        ({"shuffled": around(0.6, 0.6)}, []),
        ({"mean_of_class": around(0.11)}, [2]),
        ({"oracle_memory": around(0.3, 0.13)}, [3]),
        ({"oracle_memory": around(0.33, 0.08)}, [3]),
        ({"oracle_memory": around(0.3, 0.11)}, []),
        ({"full_image_oracle": around(0.11)}, [3]),
    ],
)
def test_reconstructions_are_checked_against_controls(
    trusted: Explanation, change: dict[str, Estimate], expected: list[int]
) -> None:
    assert failed(replace(trusted, reconstruction=replace(trusted.reconstruction, **change))) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"rank_correlation": around(0.005, 0.8)}, [4]),
        ({"rank_correlation": around(float("nan"), 0.8)}, [4]),
        ({"place_correlation": around(0.5, 0.8)}, [4]),
        ({"place_correlation": around(-0.5, -0.8), "rank_correlation": around(0.3, -0.1)}, [4]),
        ({"partial_correlation": around(-0.7)}, [5]),
        ({"partial_correlation": around(0.005)}, [5]),
        ({"partial_correlation": around(float("nan"))}, [5]),
        ({"location_correlation": around(-0.7)}, []),
    ],
)
def test_the_expected_gain_is_checked_against_the_gain(
    trusted: Explanation, change: dict[str, Estimate], expected: list[int]
) -> None:
    assert failed(replace(trusted, eig_validation=replace(trusted.eig_validation, **change))) == expected


def test_overconfidence_fails_a_check_and_underconfidence_does_not(trusted: Explanation) -> None:
    for certainty, expected in ((0.5, [6]), (-0.5, [])):
        curves = replace(trusted.curves, overconfidence=around(0.0, certainty))
        assert failed(replace(trusted, curves=curves)) == expected


def test_the_eig_policy_must_beat_all_others_except_the_learned_one(trusted: Explanation) -> None:
    worse = replace(trusted.location_policies["random"], accuracy=around(0.4, 0.84))
    assert failed(replace(trusted, location_policies={**trusted.location_policies, "centre": worse})) == [7]
    alone = {name: look for name, look in trusted.location_policies.items() if name != "random"}
    assert len(checks_of(replace(trusted, location_policies=alone))) == 7


def test_evidence_has_the_numbers(trusted: Explanation) -> None:
    checks: list[Check] = checks_of(trusted)
    for check, numbers in {
        0: ("0.1000 [0.0900 to 0.1100]", "0.5000 [0.4900 to 0.5100]"),
        3: ("They have not.",),
        4: ("0.60, 0.80", "0.50, 0.55"),
        5: ("0.40 [0.39 to 0.41]", "0.70 [0.69 to 0.71]", "0.65 [0.64 to 0.66]"),
        7: ("EIG policy 85.0 % [84.0 to 86.0]", "random 60.0 % [59.0 to 61.0]"),
    }.items():
        assert all(number in checks[check].evidence for number in numbers)


def test_headlines_have_the_numbers(trusted: Explanation) -> None:
    correct, information, reconstruction, correlation, policies = headlines_of(trusted)
    assert correct.number == "90.0 %"
    assert "90.0 % [89.0 to 91.0] of 40 images" in correct.sentence
    assert "40.0 % [39.0 to 41.0] after the first" in correct.sentence
    assert "most frequent class" in correct.sentence
    assert information.number == f"{1.995:.2f} nats"
    assert "of at most 2.30" in information.sentence
    assert reconstruction.number == "50.0 %"
    assert "50.0 % less squared error" in reconstruction.sentence
    assert correlation.number == "0.40"
    for number in ("0.40 [0.39 to 0.41]", "0.70 [0.69 to 0.71]", "the entropy alone", "0.65 [0.64 to 0.66]", " 0.60, "):
        assert number in correlation.sentence
    assert policies.number == "90.0 %"
    assert "EIG policy 85.0 % [84.0 to 86.0]" in policies.sentence


@pytest.mark.parametrize(
    ("excess", "verdict"),
    [(0.5, "is overconfident"), (0.0, "is about as confident as it should be"), (-0.5, "is underconfident")],
)
def test_headlines_name_overconfidence(trusted: Explanation, excess: float, verdict: str) -> None:
    curves = replace(trusted.curves, overconfidence=around(0.0, excess))
    assert verdict in headlines_of(replace(trusted, curves=curves))[1].sentence


def test_headlines_admit_an_error_above_that_of_the_mean_image(trusted: Explanation) -> None:
    reconstruction = replace(trusted.reconstruction, error=around(0.3, 0.4))
    headline = headlines_of(replace(trusted, reconstruction=reconstruction))[2]
    assert headline.number == "100.0 %"
    assert "100.0 % more squared error" in headline.sentence


def test_a_ceiling_that_failed_is_named_with_its_glimpses(trusted: Explanation) -> None:
    reconstruction = replace(trusted.reconstruction, oracle_memory=around(0.33, 0.13))
    evidence = checks_of(replace(trusted, reconstruction=reconstruction))[3].evidence
    assert "the oracle memory has a larger error than the hidden states after glimpse 1 (0.3300, not " in evidence
