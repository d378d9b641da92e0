"""What a saved agent knew after each glimpse."""

from explain.eig import EIGMaps, expected_information_gain, grid_locations
from explain.eig_policy import EIGPolicy
from explain.explanation import Explanation, ExplanationSettings, explain
from explain.fitting import Fit, FitSettings, fit_vae
from explain.intervals import Bootstrap, Estimate
from explain.recording import InvalidRecordingError, Recording, record
from explain.report import write_report
from explain.vae import HiddenStateVAE, VAESettings

__all__ = [
    "Bootstrap",
    "EIGMaps",
    "EIGPolicy",
    "Estimate",
    "Explanation",
    "ExplanationSettings",
    "Fit",
    "FitSettings",
    "HiddenStateVAE",
    "InvalidRecordingError",
    "Recording",
    "VAESettings",
    "expected_information_gain",
    "explain",
    "fit_vae",
    "grid_locations",
    "record",
    "write_report",
]
