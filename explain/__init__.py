"""What a saved agent knew after each glimpse."""

from explain.eig.maps import EIGMaps, expected_information_gain
from explain.eig.policy import EIGPolicy
from explain.explanation import Explanation, ExplanationSettings, explain
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.page.write import write_page
from explain.reconstruction.fitting import Fit, FitSettings, fit_vae
from explain.reconstruction.vae import HiddenStateVAE, VAESettings
from explain.recording import InvalidRecordingError, Recording, record
from explain.recurrent_agent import RecurrentAgent
from explain.report.page import write_report
from glimpse_env.retina import grid_locations

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
    "RecurrentAgent",
    "VAESettings",
    "expected_information_gain",
    "explain",
    "fit_vae",
    "grid_locations",
    "record",
    "write_page",
    "write_report",
]
