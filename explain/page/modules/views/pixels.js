/**
 * Pictures on canvas elements, one pixel for a pixel; the style sheet enlarges them.
 */

import { MAX_PIXEL } from "../retina.js";

/** @typedef {import("../retina.js").Location} Location */
/** @typedef {import("../retina.js").Picture} Picture */
/** @typedef {import("../retina.js").Retina} Retina */

/** Stops of the colour map viridis from 0.3 on, which the figures of the report have too. */
const VIRIDIS = [
  [53, 95, 141],
  [39, 127, 142],
  [31, 158, 137],
  [74, 193, 109],
  [160, 218, 57],
  [253, 231, 37],
];

/**
 * @param {HTMLCanvasElement} element
 * @param {{height: number, width: number}} shape
 * @param {(pixel: number, into: Uint8ClampedArray, at: number) => void} colour Writes red, green and blue from 0 to 255
 *   of the pixel with this number, row by row, from `at` on. The fourth number, the opacity, is 255 already. It makes no
 *   arrays, because pages are painted anew with every point that is drawn.
 */
export function paint(element, { height, width }, colour) {
  // A new size empties the canvas and takes new memory.
  if (element.width !== width) element.width = width;
  if (element.height !== height) element.height = height;
  const context = element.getContext("2d");
  if (context === null) throw new Error("this browser has no canvas");
  const image = context.createImageData(width, height);
  image.data.fill(MAX_PIXEL);
  for (let pixel = 0; pixel < width * height; pixel++) colour(pixel, image.data, 4 * pixel);
  context.putImageData(image, 0, 0);
}

/**
 * @param {HTMLCanvasElement} element
 * @param {Picture} picture
 * @param {number} [brightness] Times which each colour is painted.
 */
export function paintPicture(element, picture, brightness = 1) {
  const { red, green, blue } = coloursOf(picture);
  paint(element, picture, (pixel, into, at) => {
    into[at] = brightness * red[pixel];
    into[at + 1] = brightness * green[pixel];
    into[at + 2] = brightness * blue[pixel];
  });
}

/**
 * Paints a picture, and what is not covered in blue or darker.
 *
 * @param {HTMLCanvasElement} element
 * @param {Picture} picture
 * @param {Uint8Array} covered 1 where a pixel is covered.
 * @param {"dimmed" | "blue"} how
 */
export function paintCovered(element, picture, covered, how) {
  const { red, green, blue } = coloursOf(picture);
  const isDimmed = how === "dimmed";
  paint(element, picture, (pixel, into, at) => {
    const isCovered = covered[pixel] === 1;
    into[at] = isCovered ? red[pixel] : isDimmed ? 26 + 0.16 * red[pixel] : 0.32 * red[pixel];
    into[at + 1] = isCovered ? green[pixel] : isDimmed ? 30 + 0.16 * green[pixel] : 20 + 0.55 * green[pixel];
    into[at + 2] = isCovered ? blue[pixel] : isDimmed ? 38 + 0.16 * blue[pixel] : 50 + 0.8 * blue[pixel];
  });
}

/**
 * @param {Picture} picture
 * @returns {{red: Uint8Array, green: Uint8Array, blue: Uint8Array}} Its channels; of a grey picture three times the same.
 */
function coloursOf({ channels, height, width, pixels }) {
  const channel = (/** @type {number} */ which) => {
    return pixels.subarray(which * height * width, (which + 1) * height * width);
  };
  if (channels === 1) return { red: pixels, green: pixels, blue: pixels };
  return { red: channel(0), green: channel(1), blue: channel(2) };
}

/**
 * @param {number} value From 0 to 1.
 * @returns {[number, number, number]} Its colour.
 */
export function viridis(value) {
  const at = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const mix = (/** @type {number} */ part) => {
    return VIRIDIS[low][part] + (at - low) * (VIRIDIS[low + 1][part] - VIRIDIS[low][part]);
  };
  return [mix(0), mix(1), mix(2)];
}

/**
 * The centre of the pixel square that a glimpse covers, in pixels of the canvas.
 *
 * @param {Retina} retina
 * @param {Location} location
 * @param {Picture} canvas
 * @returns {[number, number]}
 */
export function centreOf(retina, location, canvas) {
  const [left, top] = retina.patchCorner(location, canvas, 0);
  return [left + retina.glimpseSize / 2, top + retina.glimpseSize / 2];
}
