/**
 * The canvas of a state: an example as it is, or an image and distractors where the reader put them.
 */

import { uniformNumbers } from "../random.js";
import { composeCanvas, drawDistractors, resize } from "./canvases.js";
import { normalise, rasterise } from "./drawing.js";

/** @typedef {import("../content.js").Content} Content */
/** @typedef {import("../content.js").Example} Example */
/** @typedef {import("./drawing.js").Stroke} Stroke */
/** @typedef {import("../link.js").Placement} Placement */
/** @typedef {import("../link.js").State} State */
/** @typedef {import("../retina.js").Picture} Picture */

export const SMALLEST = 0.5;
export const LARGEST = 2;

/**
 * @param {State} state
 * @param {Content} content
 * @param {readonly Example[]} examples
 * @returns {Picture}
 */
export function makeCanvas(state, content, examples) {
  const example = state.example === null ? null : examples[state.example];
  if (example !== null && state.placement === null) return example.canvas;
  const image = example === null ? imageOfStrokes(state.strokes, content) : example.original;
  if (!content.isPlaced) return image;
  const placement = clampPlacement(state.placement ?? centrePlacement(state, content), content);
  const scaled = resize(image, placement.scale);
  const corner = /** @type {const} */ ([
    Math.round(placement.x - scaled.width / 2),
    Math.round(placement.y - scaled.height / 2),
  ]);
  const originals = examples.map(({ original }) => original);
  const uniform = uniformNumbers(placement.distractors);
  const distractors = drawDistractors(originals, content.canvas.width, content.numDistractors, uniform);
  return composeCanvas(scaled, corner, content.canvas.width, distractors);
}

/**
 * @param {readonly Stroke[]} strokes
 * @param {Content} content
 * @returns {Picture} Black without strokes.
 */
export function imageOfStrokes(strokes, content) {
  const style = content.drawing;
  if (style === null) throw new TypeError("expected images of light strokes, which can be drawn");
  const normal = strokes.length === 0 ? [] : normalise(strokes, content.image, style);
  return rasterise(normal, content.image, style.stroke);
}

/**
 * @param {State} state
 * @param {Content} content
 * @returns {Placement} In the middle of the canvas.
 */
export function centrePlacement(state, content) {
  return { x: content.canvas.width / 2, y: content.canvas.height / 2, scale: 1, distractors: state.seed };
}

/**
 * @param {Placement} placement
 * @param {Content} content
 * @returns {Placement} The nearest one at which the image lies on the canvas.
 */
export function clampPlacement(placement, { image, canvas }) {
  const most = Math.min(LARGEST, canvas.width / image.width, canvas.height / image.height);
  const scale = clamp(placement.scale, SMALLEST, most);
  const [halfWidth, halfHeight] = [(image.width * scale) / 2, (image.height * scale) / 2];
  return {
    x: clamp(placement.x, halfWidth, canvas.width - halfWidth),
    y: clamp(placement.y, halfHeight, canvas.height - halfHeight),
    scale,
    distractors: placement.distractors,
  };
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
