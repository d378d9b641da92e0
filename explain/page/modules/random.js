/**
 * Random numbers from a seed, the same on every machine.
 */

/**
 * Makes a source of uniform numbers in [0, 1) (mulberry32, by Tommy Ettinger, in the public domain).
 *
 * @param {number} seed An integer; seeds that differ by a multiple of 2**32 are the same.
 * @returns {() => number}
 */
export function uniformNumbers(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Draws standard normal numbers (Box and Muller 1958).
 *
 * @param {number} seed
 * @param {number} count
 * @returns {Float32Array}
 */
export function normalNumbers(seed, count) {
  const uniform = uniformNumbers(seed);
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  });
}

/**
 * Draws a location, uniformly over the canvas.
 *
 * @param {number} seed
 * @returns {[number, number]} (x, y) in [-1, 1].
 */
export function randomLocation(seed) {
  const uniform = uniformNumbers(seed);
  return [2 * uniform() - 1, 2 * uniform() - 1];
}
