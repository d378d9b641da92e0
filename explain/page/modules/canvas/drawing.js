/**
 * Drawings: strokes that become an image like those of the data set.
 */

import { MAX_PIXEL } from "../retina.js";

/** @typedef {import("../retina.js").Picture} Picture */
/** @typedef {[number, number]} Point In pixels of the image, (0, 0) is its top-left corner. */
/** @typedef {Point[]} Stroke */

/**
 * @typedef {object} DrawingStyle How the images of the data set are; see `explain.page.examples`.
 * @property {number} box The longer side of the box around what is drawn, in pixels.
 * @property {number} stroke Width of a stroke, in pixels.
 */

/** A point is kept in one byte a coordinate, so that a link to a drawing is short. */
const STEPS = 255;
const LONGEST_STROKE = 255;

/**
 * Draws strokes with smooth borders.
 *
 * @param {readonly Stroke[]} strokes
 * @param {{height: number, width: number}} shape
 * @param {number} thickness Of the strokes, in pixels.
 * @returns {Picture} With one channel.
 */
export function rasterise(strokes, { height, width }, thickness) {
  const ink = new Float32Array(height * width);
  const reach = thickness / 2 + 1;
  for (const stroke of strokes) {
    for (let at = 0; at < stroke.length; at++) {
      const from = stroke[Math.max(at - 1, 0)];
      const to = stroke[at];
      const firstRow = Math.max(Math.floor(Math.min(from[1], to[1]) - reach), 0);
      const lastRow = Math.min(Math.ceil(Math.max(from[1], to[1]) + reach), height - 1);
      const firstColumn = Math.max(Math.floor(Math.min(from[0], to[0]) - reach), 0);
      const lastColumn = Math.min(Math.ceil(Math.max(from[0], to[0]) + reach), width - 1);
      for (let row = firstRow; row <= lastRow; row++) {
        for (let column = firstColumn; column <= lastColumn; column++) {
          const distance = distanceToSegment([column + 0.5, row + 0.5], from, to);
          const covered = Math.min(Math.max(thickness / 2 + 0.5 - distance, 0), 1);
          ink[row * width + column] = Math.max(ink[row * width + column], covered);
        }
      }
    }
  }
  return { channels: 1, height, width, pixels: Uint8Array.from(ink, (value) => Math.round(value * MAX_PIXEL)) };
}

/**
 * Scales a drawing to the box of the data set, and centres its mass, as MNIST's images were made.
 *
 * @param {readonly Stroke[]} strokes
 * @param {{height: number, width: number}} shape
 * @param {DrawingStyle} style
 * @returns {Stroke[]}
 */
export function normalise(strokes, shape, style) {
  const { low, high } = bounds(strokes);
  const extent = Math.max(high[0] - low[0], high[1] - low[1]);
  // A dot has no extent, and stays as it is.
  const scale = extent > style.stroke ? Math.max(style.box - style.stroke, 1) / extent : 1;
  const scaled = transform(strokes, scale, [
    shape.width / 2 - (scale * (low[0] + high[0])) / 2,
    shape.height / 2 - (scale * (low[1] + high[1])) / 2,
  ]);
  const [x, y] = centreOfMass(rasterise(scaled, shape, style.stroke));
  const box = bounds(scaled);
  const margin = style.stroke / 2;
  return transform(scaled, 1, [
    within(shape.width / 2 - x, margin - box.low[0], shape.width - margin - box.high[0]),
    within(shape.height / 2 - y, margin - box.low[1], shape.height - margin - box.high[1]),
  ]);
}

/**
 * @param {readonly Stroke[]} strokes
 * @param {number} scale
 * @param {readonly [number, number]} shift
 * @returns {Stroke[]} Every point times the scale, then shifted.
 */
export function transform(strokes, scale, [x, y]) {
  return strokes.map((stroke) => stroke.map((point) => [scale * point[0] + x, scale * point[1] + y]));
}

/**
 * @param {readonly Stroke[]} strokes
 * @returns {{low: Point, high: Point}} The corners of the box around all points.
 */
export function bounds(strokes) {
  /** @type {Point} */
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  /** @type {Point} */
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const point of strokes.flat()) {
    for (const axis of [0, 1]) {
      low[axis] = Math.min(low[axis], point[axis]);
      high[axis] = Math.max(high[axis], point[axis]);
    }
  }
  return { low, high };
}

/**
 * Writes strokes as text for a link. Points are rounded to 1/255 of the image.
 *
 * @param {readonly Stroke[]} strokes
 * @param {{height: number, width: number}} shape
 * @returns {string} Letters, digits, "-" and "_".
 */
export function writeStrokes(strokes, { height, width }) {
  /** @type {number[]} */
  const bytes = [];
  for (const stroke of strokes) {
    for (let first = 0; first < stroke.length; first += LONGEST_STROKE - 1) {
      const piece = stroke.slice(first, first + LONGEST_STROKE);
      bytes.push(piece.length);
      for (const [x, y] of piece) bytes.push(toStep(x / width), toStep(y / height));
    }
  }
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/**
 * Reads what `writeStrokes` wrote.
 *
 * @param {string} text
 * @param {{height: number, width: number}} shape
 * @returns {Stroke[]}
 */
export function readStrokes(text, { height, width }) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  /** @type {Stroke[]} */
  const strokes = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes.charCodeAt(at++);
    if (length === 0 || at + 2 * length > bytes.length) throw new RangeError("expected whole strokes");
    /** @type {Stroke} */
    const stroke = [];
    for (const end = at + 2 * length; at < end; at += 2) {
      stroke.push([(bytes.charCodeAt(at) / STEPS) * width, (bytes.charCodeAt(at + 1) / STEPS) * height]);
    }
    strokes.push(stroke);
  }
  return strokes;
}

/**
 * @param {Picture} image
 * @returns {Point}
 */
function centreOfMass({ height, width, pixels }) {
  let mass = 0;
  let x = 0;
  let y = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const ink = pixels[row * width + column];
      mass += ink;
      x += ink * column;
      y += ink * row;
    }
  }
  return mass > 0 ? [x / mass, y / mass] : [width / 2, height / 2];
}

/**
 * @param {Point} point
 * @param {Point} from
 * @param {Point} to
 * @returns {number}
 */
function distanceToSegment([x, y], [fromX, fromY], [toX, toY]) {
  const [alongX, alongY] = [toX - fromX, toY - fromY];
  const length = alongX ** 2 + alongY ** 2;
  const part = length === 0 ? 0 : within(((x - fromX) * alongX + (y - fromY) * alongY) / length, 0, 1);
  // Math.hypot takes several times as long, and this runs for every pixel near every piece of a stroke.
  return Math.sqrt((x - fromX - part * alongX) ** 2 + (y - fromY - part * alongY) ** 2);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number} The value, or the limit that it is beyond; the middle of the limits if they are the wrong way round.
 */
function within(value, low, high) {
  return low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high);
}

/**
 * @param {number} part
 * @returns {number}
 */
function toStep(part) {
  return within(Math.round(part * STEPS), 0, STEPS);
}
