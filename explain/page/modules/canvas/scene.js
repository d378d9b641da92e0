/**
 * The canvas of a state: an example as it is, or an image and distractors where the reader put them.
 */

import { uniformNumbers } from "../random.js";
import { composeCanvas, drawDistractors, resize, scatter, takeOut } from "./canvases.js";
import { normalise, rasterise } from "./drawing.js";

/** @typedef {import("../content.js").Content} Content */
/** @typedef {import("../content.js").Example} Example */
/** @typedef {import("./drawing.js").Stroke} Stroke */
/** @typedef {import("../link.js").Placement} Placement */
/** @typedef {import("../link.js").State} State */
/** @typedef {import("../retina.js").Picture} Picture */

/** @typedef {{place: [number, number], background: Picture}} Parts */

export const SMALLEST = 0.5;
export const LARGEST = 2;

/** @type {WeakMap<Example, Parts>} */
const parts = new WeakMap();

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
  const { x, y, scale, distractors } = clampPlacement(placementOf(state, content, examples), content);
  const scaled = resize(image, scale);
  const corner = /** @type {const} */ ([Math.round(x - scaled.width / 2), Math.round(y - scaled.height / 2)]);
  if (example !== null && distractors === null) return composeCanvas(scaled, corner, partsOf(example).background);
  const originals = examples.map(({ original }) => original);
  const { width } = content.canvas;
  const drawn = drawDistractors(originals, width, content.numDistractors, uniformNumbers(distractors ?? state.seed));
  return composeCanvas(scaled, corner, scatter(drawn, width, image.channels));
}

/**
 * @param {Example} example
 * @returns {Parts} Where its original is on its canvas, and what else is there.
 */
function partsOf(example) {
  const known = parts.get(example) ?? takeOut(example.original, example.canvas);
  parts.set(example, known);
  return known;
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
 * @param {readonly Example[]} examples
 * @returns {Placement} Where the reader put the image; else where it is in the example, or in the middle of the canvas.
 */
export function placementOf(state, content, examples) {
  if (state.placement !== null) return state.placement;
  const { canvas, image } = content;
  if (state.example === null) return { x: canvas.width / 2, y: canvas.height / 2, scale: 1, distractors: state.seed };
  const [left, top] = partsOf(examples[state.example]).place;
  return { x: left + image.width / 2, y: top + image.height / 2, scale: 1, distractors: null };
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
