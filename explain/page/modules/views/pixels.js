/**
 * Pictures on canvas elements, one pixel for a pixel; the style sheet enlarges them.
 */

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
 * @param {number} width
 * @param {number} height
 * @param {(pixel: number) => readonly [number, number, number]} colourOf Red, green and blue from 0 to 255, of the pixel
 *   with this number, row by row.
 */
export function paint(element, width, height, colourOf) {
  element.width = width;
  element.height = height;
  const context = element.getContext("2d");
  if (context === null) throw new Error("this browser has no canvas");
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [red, green, blue] = colourOf(pixel);
    image.data.set([red, green, blue, 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
}

/**
 * @param {Picture} picture
 * @returns {(pixel: number) => [number, number, number]} The colour of each pixel.
 */
export function coloursOf({ channels, height, width, pixels }) {
  const plane = height * width;
  if (channels === 1) return (pixel) => [pixels[pixel], pixels[pixel], pixels[pixel]];
  return (pixel) => [pixels[pixel], pixels[plane + pixel], pixels[2 * plane + pixel]];
}

/**
 * @param {HTMLCanvasElement} element
 * @param {Picture} picture
 */
export function paintPicture(element, picture) {
  paint(element, picture.width, picture.height, coloursOf(picture));
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
  const colours = coloursOf(picture);
  paint(element, picture.width, picture.height, (pixel) => {
    const [red, green, blue] = colours(pixel);
    if (covered[pixel] === 1) return [red, green, blue];
    if (how === "dimmed") return [26 + 0.16 * red, 30 + 0.16 * green, 38 + 0.16 * blue];
    return [0.32 * red, 20 + 0.55 * green, 50 + 0.8 * blue];
  });
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
