"""The captions of the figures: what each of them shows, as the data says it."""

from __future__ import annotations

from explain.evidence.estimator_check import NUM_IMAGES as NUM_CHECKED
from explain.evidence.estimator_check import NUM_REFERENCE
from explain.evidence.parameter_randomisation import NUM_IMAGES as NUM_RANDOMISED
from explain.explanation import Explanation
from explain.recording import Recording
from explain.report.all_figures import (
    NUM_BELIEFS,
    NUM_MAPS,
    canvas_is_reconstructed,
    figures_of,
    num_reconstructions,
)
from explain.report.examples import describe_first_of_each_class, largest_belief_change
from explain.report.figures.eig_maps import DECADES
from explain.report.figures.hidden_states import NUM_IMAGES
from explain.report.figures.information import has_overconfidence
from explain.report.figures.inputs import MAX_CLASSES


def captions_of(explanation: Explanation) -> dict[str, str]:
    """Returns the caption of each figure by the name of the figure."""
    recording, eig_recording = explanation.recording, explanation.eig_recording
    num_classes = len(explanation.class_names)
    reconstructed = describe_first_of_each_class(recording, num_reconstructions(explanation), num_classes)
    canvas_differs = canvas_is_reconstructed(explanation)
    most_frequent = f" Only the {MAX_CLASSES} most frequent classes are shown." if num_classes > MAX_CLASSES else ""
    captions = {
        "animation": "One episode. From left to right: the glimpses on the canvas, which is dark where the agent has "
        "not looked yet; the reconstruction of the whole image from the hidden state; the expected information gain "
        "(EIG) at each location, with a cross at the next location; and the probability of each class, with the true "
        f"class in green. {_why_this_episode(eig_recording)}",
        "information": "Means over images; the bands are their confidence intervals. Top left: the fall of the entropy "
        "since the first glimpse. Top right: information gain (solid) and label information (dashed)"
        + (", shaded where the agent is overconfident" if has_overconfidence(explanation.curves) else "")
        + ". Bottom left: the fraction of images that are classified correctly. Bottom right: the expected calibration "
        "error.",
        "beliefs": f"{describe_first_of_each_class(recording, NUM_BELIEFS, num_classes)} in the test split. Left: the "
        "path of the glimpses, from 1 to the last one in orange; the canvas is dark where the agent has not looked. "
        f"Right: the probability of each class after each glimpse. {_COLORS_OF_BELIEFS}",
        "reconstructions": f"{reconstructed}"
        + (
            ", in two rows: above, the canvas, which is dark where the agent has not looked; below, the reconstruction "
            "of the clean original from the hidden state."
            if canvas_differs
            else ": the original, and its reconstruction from the hidden state after each glimpse. "
            + _describe_outline(recording)
        )
        + " The label below a reconstruction is the most probable class, in green if it is correct.",
        "canvas_reconstructions": "The same images, reconstructed by a VAE whose target is the whole canvas. "
        f"{_describe_outline(recording)} The expected information gain below is computed from canvases that this VAE "
        "generates.",
        "partial_reconstructions": "The same images, reconstructed by a partial VAE, whose loss counts only the pixels "
        "that the agent has seen. Outside the orange line, it shows what it learned from seen pixels of other images, "
        "which may mean nothing.",
        "reconstruction_errors": "Squared error of the reconstruction after each glimpse. The dashed lines are "
        "references that do not depend on the glimpses.",
        "locations": "The density of the locations of each glimpse over the mean canvas. The density of uniformly "
        "random locations is 1.",
        "locations_by_class": f"The same for each true class.{most_frequent} Where the first glimpse is at random, its "
        "row shows how much columns differ by chance alone. Larger differences below show that the agent adapts its "
        "locations to what it has seen.",
        "eig_maps": f"{describe_first_of_each_class(eig_recording, NUM_MAPS, num_classes)}. The EIG over the canvas; "
        "bright locations have a high one. Boxes are the glimpses so far, with the latest one in orange. The cross is "
        "the next location of the agent. All maps have the same logarithmic colour scale: without colour, the EIG is "
        f"less than 1/{10**DECADES:,} of the highest.",
        "evidence": "Every test: its value with its 95 % interval, and what each of its nulls scores. A value is "
        "filled if it is better than all nulls by more than the interval of the difference. The table says what each "
        "test asks.",
        "parameter_randomisation": "How similar maps of the expected information gain (rank correlation over "
        "locations) and imagined images (correlation over pixels, less the mean of all images) are to those of the "
        "trained agent: first of the trained agent itself with other random draws, then of agents in which one layer "
        "more has lost what it learned. Dashed: of the trained agent at another image. A curve that falls to it shows "
        "that the explanation depends on what the agent learned. Heads read the memory and do not shape it: without "
        f"them, images stay as they are. On {min(NUM_RANDOMISED, len(eig_recording))} images; the bars are 95 % "
        "intervals.",
        "estimator_check": "How estimates of the expected information gain depend on the number of imagined canvases. "
        f"Left: their mean less that of {NUM_REFERENCE} other canvases. Right: their standard deviation between draws. "
        "Both forms, means over locations, glimpses and "
        f"{min(NUM_CHECKED, len(eig_recording))} images; the bands are 95 % intervals.",
        "removal_curves": "Accuracy with places taken in the order of the expected information gain after the first "
        "glimpse. Left: the agent looks at these places after its first glimpse, and at nothing else. Right: these "
        f"places are background, and the agent looks where it wants. On {len(eig_recording)} images; the bands are "
        "95 % intervals.",
        "eig_against_gain": "The EIG at the location that the agent looked at next, and the information that it gained "
        f"there, over all glimpses at {len(eig_recording):,} images. They are equal on the dotted line.",
        "location_policies": "The fraction of images that are classified correctly with each location policy, on the "
        f"same {explanation.settings.policy_images:,} images and with the same first glimpse.",
        "hidden_states": f"Hidden states after each glimpse at {min(NUM_IMAGES, len(recording)):,} images in two "
        f"dimensions (t-SNE), coloured by the true class.{most_frequent} States that are close in the figure are close "
        "in the hidden space; the distances between clusters have little meaning.",
        "failure_beliefs": f"The path of the glimpses and the probability of each class. {_COLORS_OF_BELIEFS}",
        "failure_reconstructions": "The reconstructions of these images. A reconstruction of the wrong class suggests "
        "that the agent misread what it saw; one of the true class, that the hidden state holds more than the belief "
        "says.",
    }
    drawn = {"animation", *figures_of(explanation)}
    return {name: caption for name, caption in captions.items() if name in drawn}


_COLORS_OF_BELIEFS = (
    "The true class is green. Other classes have a colour if they were the most probable one after some glimpse."
)


def _describe_outline(recording: Recording) -> str:
    """Says how figures of reconstructions mark what was seen."""
    at_some_scale = ", at any scale" if recording.retina.num_scales > 1 else ""
    is_grey = recording.canvases.shape[1] == 1
    others = "; the other pixels are blue" if is_grey else ""
    return f"The orange line surrounds the pixels that the agent has seen{at_some_scale}{others}."


def _why_this_episode(recording: Recording) -> str:
    image = largest_belief_change(recording)
    is_correct = int(recording.beliefs[image, -1].argmax()) == int(recording.labels[image])
    among = "those that are classified correctly" if is_correct else "all, since none is classified correctly"
    return f"Of the {len(recording):,} images with EIG maps, it has the largest change of belief among {among}."
