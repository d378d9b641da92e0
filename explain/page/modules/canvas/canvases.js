/**
 * Canvases, as `glimpse_env.data.canvases` makes them: an image, and distractors, on an empty canvas.
 */

import { MAX_PIXEL } from "../retina.js";

/** @typedef {import("../retina.js").Picture} Picture */

/** Side of a distractor in pixels. */
const CROP = 8;

/**
 * @typedef {object} Distractor A crop of another image.
 * @property {Picture} source
 * @property {readonly [number, number]} corner Its top-left pixel in that image, column and row.
 * @property {readonly [number, number]} place Its top-left pixel on the canvas, column and row.
 */

/**
 * @param {number} uniform In [0, 1).
 * @param {number} choices
 * @returns {number} An integer in [0, choices).
 */
export function pick(uniform, choices) {
  return Math.trunc(Math.fround(uniform * choices));
}

/**
 * @param {readonly Picture[]} images
 * @param {number} size Side of the canvas.
 * @param {number} count
 * @param {() => number} uniform
 * @returns {Distractor[]}
 */
export function drawDistractors(images, size, count, uniform) {
  return Array.from({ length: count }, () => {
    const source = images[pick(uniform(), images.length)];
    const corner = /** @type {const} */ ([
      pick(uniform(), source.width - CROP + 1),
      pick(uniform(), source.height - CROP + 1),
    ]);
    const place = /** @type {const} */ ([pick(uniform(), size - CROP + 1), pick(uniform(), size - CROP + 1)]);
    return { source, corner, place };
  });
}

/**
 * @param {readonly Distractor[]} distractors
 * @param {number} size Side of the canvas.
 * @param {number} channels
 * @returns {Picture} They alone, added up and clipped.
 */
export function scatter(distractors, size, channels) {
  const canvas = { channels, height: size, width: size, pixels: new Uint8Array(channels * size * size) };
  for (const { source, corner, place } of distractors) add(canvas, source, corner, [CROP, CROP], place);
  return canvas;
}

/**
 * Adds an image to what is on a canvas, and clips.
 *
 * @param {Picture} image
 * @param {readonly [number, number]} place Its top-left pixel on the canvas, column and row.
 * @param {Picture} background
 * @returns {Picture}
 */
export function composeCanvas(image, place, background) {
  const canvas = { ...background, pixels: background.pixels.slice() };
  add(canvas, image, [0, 0], [image.width, image.height], place);
  return canvas;
}

/**
 * Takes an image out of the canvas that it was added to.
 *
 * @param {Picture} image
 * @param {Picture} canvas
 * @returns {{place: [number, number], background: Picture}} The top-left pixel where the image fits best, column and row,
 *   and what is left there without it. What was clipped is lost.
 */
export function takeOut(image, canvas) {
  /** @type {[number, number]} */
  let best = [0, 0];
  let least = Number.POSITIVE_INFINITY;
  for (let y = 0; y <= canvas.height - image.height; y++) {
    for (let x = 0; x <= canvas.width - image.width; x++) {
      const misfit = misfitAt(image, canvas, x, y, least);
      if (misfit < least) [least, best] = [misfit, [x, y]];
    }
  }
  const background = { ...canvas, pixels: canvas.pixels.slice() };
  add(background, image, [0, 0], [image.width, image.height], best, -1);
  return { place: best, background };
}

/**
 * @param {Picture} image
 * @param {Picture} canvas
 * @param {number} x
 * @param {number} y
 * @param {number} limit Beyond which nobody asks how large it is.
 * @returns {number} How far the canvas is from the image, where the image is not black.
 */
function misfitAt(image, canvas, x, y, limit) {
  let misfit = 0;
  for (let channel = 0; channel < image.channels; channel++) {
    for (let row = 0; row < image.height && misfit < limit; row++) {
      const from = (channel * image.height + row) * image.width;
      const to = (channel * canvas.height + y + row) * canvas.width + x;
      for (let column = 0; column < image.width; column++) {
        const pixel = image.pixels[from + column];
        if (pixel > 0) misfit += Math.abs(canvas.pixels[to + column] - pixel);
      }
    }
  }
  return misfit;
}

/**
 * Adds a part of an image to a canvas, or subtracts it, and clips; what lies outside the canvas is left out.
 *
 * @param {Picture} canvas
 * @param {Picture} source
 * @param {readonly [number, number]} corner
 * @param {readonly [number, number]} sides Width and height of the part.
 * @param {readonly [number, number]} place
 * @param {1 | -1} [sign]
 */
function add(canvas, source, [left, top], [width, height], [x, y], sign = 1) {
  for (let channel = 0; channel < canvas.channels; channel++) {
    for (let row = Math.max(0, -y); row < Math.min(height, canvas.height - y); row++) {
      for (let column = Math.max(0, -x); column < Math.min(width, canvas.width - x); column++) {
        const from = (channel * source.height + top + row) * source.width + left + column;
        const to = (channel * canvas.height + y + row) * canvas.width + x + column;
        canvas.pixels[to] = Math.min(Math.max(canvas.pixels[to] + sign * source.pixels[from], 0), MAX_PIXEL);
      }
    }
  }
}

/**
 * Enlarges or shrinks an image: every new pixel is the mean of what it covers.
 *
 * @param {Picture} image
 * @param {number} scale
 * @returns {Picture}
 */
export function resize(image, scale) {
  if (scale === 1) return image;
  const height = Math.max(1, Math.round(image.height * scale));
  const width = Math.max(1, Math.round(image.width * scale));
  const pixels = new Uint8Array(image.channels * height * width);
  for (let channel = 0; channel < image.channels; channel++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const mean = meanOver(
          image,
          channel,
          [(row / height) * image.height, ((row + 1) / height) * image.height],
          [(column / width) * image.width, ((column + 1) / width) * image.width],
        );
        pixels[(channel * height + row) * width + column] = Math.round(mean);
      }
    }
  }
  return { channels: image.channels, height, width, pixels };
}

/**
 * @param {Picture} image
 * @param {number} channel
 * @param {[number, number]} rows From where to where, in pixels and parts of pixels.
 * @param {[number, number]} columns
 * @returns {number}
 */
function meanOver(image, channel, [top, bottom], [left, right]) {
  let sum = 0;
  for (let y = Math.floor(top); y < Math.min(Math.ceil(bottom), image.height); y++) {
    const high = Math.min(bottom, y + 1) - Math.max(top, y);
    for (let x = Math.floor(left); x < Math.min(Math.ceil(right), image.width); x++) {
      const wide = Math.min(right, x + 1) - Math.max(left, x);
      sum += high * wide * image.pixels[(channel * image.height + y) * image.width + x];
    }
  }
  return sum / ((bottom - top) * (right - left));
}
