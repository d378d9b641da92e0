/**
 * The state of the page as the part of a link after "#".
 */

import { readStrokes, writeStrokes } from "./canvas/drawing.js";

/** @typedef {import("./content.js").Content} Content */
/** @typedef {import("./content.js").Control} Control */
/** @typedef {import("./canvas/drawing.js").Stroke} Stroke */
/** @typedef {import("./retina.js").Location} Location */

/** @typedef {"learned" | "eig" | "random"} Driver Who chooses where to look. */

/**
 * @typedef {object} Placement Where the image is on a larger canvas, and among which distractors.
 * @property {number} x Of its centre, in pixels of the canvas.
 * @property {number} y
 * @property {number} scale
 * @property {number | null} distractors Seed of the distractors; none for those of the example.
 */

/**
 * @typedef {object} State All that the reader has chosen.
 * @property {number | null} example Which example is shown; none for a drawing.
 * @property {Stroke[]} strokes The drawing, in pixels of the image.
 * @property {Placement | null} placement None where the canvas is that of the example.
 * @property {number | null} label The true class of a drawing, if the reader has said it.
 * @property {number} seed Of the first location, of random locations, and of what is imagined.
 * @property {Location[]} path Glimpses at places that the reader gave; the driver chooses the others.
 * @property {Driver} driver
 * @property {Control} control
 * @property {number} shown The glimpse that is shown, from 0.
 */

/** @type {readonly Driver[]} */
export const DRIVERS = ["learned", "eig", "random"];
/** @type {readonly Control[]} */
export const CONTROLS = ["trained", "shuffled", "randomised"];
const DIGITS = 4;

/**
 * @param {number} value
 * @returns {number} Rounded to what a link keeps, so that a link leads to exactly the same state.
 */
export function roundForLink(value) {
  return Math.round(value * 10 ** DIGITS) / 10 ** DIGITS;
}

/**
 * @param {State} state
 * @param {Content} content
 * @returns {string} Without "#".
 */
export function writeLink(state, content) {
  const parts = new URLSearchParams();
  if (state.example === null) parts.set("drawing", writeStrokes(state.strokes, content.image));
  else parts.set("example", String(state.example));
  if (state.placement !== null) {
    const { x, y, scale, distractors } = state.placement;
    parts.set("placement", [x, y, scale, ...(distractors === null ? [] : [distractors])].join("_"));
  }
  if (state.label !== null) parts.set("label", String(state.label));
  parts.set("seed", String(state.seed));
  if (state.path.length > 0) parts.set("path", state.path.flat().join("_"));
  parts.set("driver", state.driver);
  parts.set("control", state.control);
  parts.set("glimpse", String(state.shown));
  return parts.toString();
}

/**
 * Reads what `writeLink` wrote.
 *
 * @param {string} link Without "#".
 * @param {Content} content
 * @returns {State}
 * @throws {RangeError} The link is damaged, or belongs to another page.
 */
export function readLink(link, content) {
  const parts = new URLSearchParams(link);
  const drawing = parts.get("drawing");
  const label = parts.get("label");
  const placement = parts.get("placement");
  const path = parts.has("path") ? numbers(parts, "path") : [];
  if (path.length % 2 !== 0 || path.length > 2 * content.numGlimpses || path.some((value) => Math.abs(value) > 1)) {
    throw new RangeError("its path is not one of locations");
  }
  const placed = placement === null ? [] : numbers(parts, "placement");
  // The distractors of an example need no seed.
  const isWhole = placed.length === 4 || (placed.length === 3 && drawing === null);
  if (placement !== null && !(isWhole && content.isPlaced))
    throw new RangeError("its placement is not one on this canvas");
  const [x, y, scale, distractors = null] = placed;
  return {
    example: drawing === null ? whole(parts, "example", content.examples.labels.length) : null,
    strokes: drawing === null ? [] : strokesOf(drawing, content),
    placement: placement === null ? null : { x, y, scale, distractors },
    label: label === null ? null : whole(parts, "label", content.classNames.length),
    seed: whole(parts, "seed", 2 ** 31),
    path: Array.from({ length: path.length / 2 }, (_, at) => [path[2 * at], path[2 * at + 1]]),
    driver: oneOf(parts, "driver", DRIVERS),
    control: oneOf(
      parts,
      "control",
      CONTROLS.filter((control) => control !== "shuffled" || content.shuffledVae !== null),
    ),
    shown: whole(parts, "glimpse", content.numGlimpses),
  };
}

/**
 * @param {string} text
 * @param {Content} content
 * @returns {Stroke[]}
 */
function strokesOf(text, content) {
  if (content.drawing === null) throw new RangeError("this agent looks at images in colour, which cannot be drawn");
  try {
    return readStrokes(text, content.image);
  } catch {
    throw new RangeError("its drawing is not whole");
  }
}

/**
 * @param {URLSearchParams} parts
 * @param {string} name
 * @returns {number[]}
 */
function numbers(parts, name) {
  const values = (parts.get(name) ?? "").split("_").map((word) => (word === "" ? Number.NaN : Number(word)));
  if (!values.every(Number.isFinite)) throw new RangeError(`its ${name} does not consist of numbers`);
  return values;
}

/**
 * @param {URLSearchParams} parts
 * @param {string} name
 * @param {number} end
 * @returns {number} An integer in [0, end).
 */
function whole(parts, name, end) {
  const [value] = numbers(parts, name);
  if (!Number.isInteger(value) || value < 0 || value >= end) throw new RangeError(`this page has no such ${name}`);
  return value;
}

/**
 * @template {string} Name
 * @param {URLSearchParams} parts
 * @param {string} name
 * @param {readonly Name[]} names
 * @returns {Name}
 */
function oneOf(parts, name, names) {
  const found = names.find((candidate) => candidate === parts.get(name));
  if (found === undefined) throw new RangeError(`this page has no such ${name}`);
  return found;
}
