/**
 * Layer normalisation (Ba, Kiros and Hinton 2016), as PyTorch has it.
 */

/** @typedef {import("./tensors.js").Tensor} Tensor */

/** What PyTorch adds to the variance. */
const EPSILON = 1e-5;

/** y = (x - mean(x)) / sqrt(var(x) + EPSILON) * weight + bias, for many rows x at a time. */
export class LayerNorm {
  /**
   * @param {Tensor} weight (size)
   * @param {Tensor} bias (size)
   */
  constructor(weight, bias) {
    this.weight = weight.values;
    this.bias = bias.values;
  }

  /**
   * Normalises in place.
   *
   * @param {Float32Array} rows (count, size)
   * @param {number} count
   * @returns {Float32Array} The same array.
   */
  apply(rows, count) {
    const { weight, bias } = this;
    const size = weight.length;
    for (let row = 0; row < count; row++) {
      const values = rows.subarray(row * size, (row + 1) * size);
      let sum = 0;
      for (let at = 0; at < size; at++) sum += values[at];
      const mean = sum / size;
      let squares = 0;
      for (let at = 0; at < size; at++) squares += (values[at] - mean) ** 2;
      const scale = 1 / Math.sqrt(squares / size + EPSILON);
      for (let at = 0; at < size; at++) values[at] = (values[at] - mean) * scale * weight[at] + bias[at];
    }
    return rows;
  }
}
