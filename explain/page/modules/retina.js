/**
 * The retina, as `glimpse_env.retina` has it: how a glimpse at a location looks.
 */

/** @typedef {readonly [number, number]} Location (x, y) in [-1, 1]; (-1, -1) is the top-left corner of the canvas. */

/**
 * @typedef {object} Picture Pixels from 0 (black) to 255 (white), channel by channel, row by row.
 * @property {number} channels
 * @property {number} height
 * @property {number} width
 * @property {Uint8Array} pixels
 */

export const MAX_PIXEL = 255;

/** Square patches around one location. Patch s is glimpseSize * 2**s pixels wide and is pooled to glimpseSize. */
export class Retina {
  /**
   * @param {number} glimpseSize
   * @param {number} numScales
   */
  constructor(glimpseSize, numScales) {
    this.glimpseSize = glimpseSize;
    this.numScales = numScales;
  }

  /**
   * @param {number} scale
   * @returns {number} Side of the patch of that scale on the canvas, in pixels.
   */
  patchSize(scale) {
    return this.glimpseSize * 2 ** scale;
  }

  /**
   * @param {number} channels Of the canvas.
   * @returns {number} How many numbers a glimpse has.
   */
  numValues(channels) {
    return this.numScales * channels * this.glimpseSize ** 2;
  }

  /**
   * The top-left pixel of a patch, at whole-pixel precision. It may lie outside the canvas.
   *
   * @param {Location} location
   * @param {{width: number, height: number}} canvas
   * @param {number} scale
   * @returns {[number, number]} Column and row.
   */
  patchCorner(location, canvas, scale) {
    const size = this.patchSize(scale);
    return [patchStart(location[0], canvas.width, size), patchStart(location[1], canvas.height, size)];
  }

  /**
   * Looks at a canvas once.
   *
   * @param {Picture} canvas
   * @param {Location} location
   * @param {Float32Array} [glimpse] Where the glimpse goes, (numScales * channels, glimpseSize, glimpseSize).
   * @returns {Float32Array} The glimpse, in [0, 1], fine scales first; 0 outside the canvas.
   */
  look(canvas, location, glimpse = new Float32Array(this.numValues(canvas.channels))) {
    const { width, height, channels, pixels } = canvas;
    const size = this.glimpseSize;
    let at = 0;
    for (let scale = 0; scale < this.numScales; scale++) {
      const block = 2 ** scale;
      const white = MAX_PIXEL * block * block;
      const [left, top] = this.patchCorner(location, canvas, scale);
      for (let channel = 0; channel < channels; channel++) {
        for (let row = 0; row < size; row++) {
          const firstRow = Math.max(top + row * block, 0);
          const endRow = Math.min(top + (row + 1) * block, height);
          for (let column = 0; column < size; column++) {
            const first = Math.max(left + column * block, 0);
            const end = Math.min(left + (column + 1) * block, width);
            let sum = 0;
            for (let y = firstRow; y < endRow; y++) {
              const line = (channel * height + y) * width;
              for (let x = first; x < end; x++) sum += pixels[line + x];
            }
            glimpse[at++] = sum / white;
          }
        }
      }
    }
    return glimpse;
  }

  /**
   * Which pixels lie in a patch of any scale, at any of the locations.
   *
   * @param {readonly Location[]} locations
   * @param {{width: number, height: number}} canvas
   * @returns {Uint8Array} (height, width), 1 where a pixel is covered.
   */
  coverage(locations, canvas) {
    const covered = new Uint8Array(canvas.width * canvas.height);
    const size = this.patchSize(this.numScales - 1);
    for (const location of locations) {
      const [left, top] = this.patchCorner(location, canvas, this.numScales - 1);
      for (let y = Math.max(top, 0); y < Math.min(top + size, canvas.height); y++) {
        covered.fill(1, y * canvas.width + Math.max(left, 0), y * canvas.width + Math.min(left + size, canvas.width));
      }
    }
    return covered;
  }
}

/**
 * Every step is rounded to single precision, as in Python, so that both agree on the pixel.
 *
 * @param {number} coordinate
 * @param {number} side
 * @param {number} patchSize
 * @returns {number}
 */
function patchStart(coordinate, side, patchSize) {
  const clipped = Math.fround(Math.min(Math.max(coordinate, -1), 1));
  const half = side / 2;
  const shift = half - patchSize / 2 + 0.5 + Math.floor(patchSize / 2);
  const start = Math.fround(Math.fround(clipped * half) + shift);
  return Math.trunc(start) - Math.floor(patchSize / 2);
}

/**
 * The centres of grid by grid equal cells of a canvas, row by row.
 *
 * @param {number} grid
 * @returns {Location[]}
 */
export function gridLocations(grid) {
  const along = Array.from({ length: grid }, (_, cell) => (2 * cell + 1 - grid) / grid);
  return along.flatMap((y) => along.map((x) => /** @type {Location} */ ([x, y])));
}
