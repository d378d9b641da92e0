/**
 * The weights in the page: tensors one after the other, little-endian, in base64.
 */

/**
 * @typedef {object} Tensor
 * @property {number[]} shape
 * @property {Float32Array} values Row by row.
 */

/**
 * @typedef {object} StoredTensors
 * @property {"float16" | "float32"} precision
 * @property {[string, number[]][]} shapes The name and the shape of each tensor, in the order of the data.
 * @property {string} data Base64.
 */

/**
 * Reads what `explain.page.weights` stored.
 *
 * @param {StoredTensors} stored
 * @returns {Record<string, Tensor>}
 */
export function readTensors(stored) {
  const bytes = decodeBase64(stored.data);
  const values = stored.precision === "float16" ? decodeHalf(bytes) : new Float32Array(bytes.buffer);
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  let start = 0;
  for (const [name, shape] of stored.shapes) {
    const end = start + shape.reduce((product, side) => product * side, 1);
    tensors[name] = { shape, values: values.slice(start, end) };
    start = end;
  }
  if (start !== values.length) throw new RangeError(`expected ${start} weights, got ${values.length}`);
  return tensors;
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function decodeBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * Converts numbers of half precision (IEEE 754 binary16).
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Float32Array}
 */
export function decodeHalf(bytes) {
  return Float32Array.from(new Uint16Array(bytes.buffer), (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
