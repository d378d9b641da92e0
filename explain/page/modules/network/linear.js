/**
 * Linear layers, and the functions between them.
 */

/** @typedef {import("./tensors.js").Tensor} Tensor */

/**
 * y = W x + b for many rows x at a time.
 *
 * Behind a rectifier about half of the inputs are 0, and of a glimpse of black background all are. Weights are kept
 * input by input, so that an input of 0 costs nothing; eight other inputs are added up in one pass.
 */
export class Linear {
  /**
   * @param {Tensor} weight (outputs, inputs)
   * @param {Tensor} bias (outputs)
   */
  constructor(weight, bias) {
    const [outputs, inputs] = weight.shape;
    this.outputs = outputs;
    this.inputs = inputs;
    this.bias = Float64Array.from(bias.values);
    this.columns = new Float64Array(inputs * outputs);
    for (let output = 0; output < outputs; output++) {
      for (let input = 0; input < inputs; input++) {
        this.columns[input * outputs + output] = weight.values[output * inputs + input];
      }
    }
  }

  /**
   * The layer that reads only some of the inputs and adds no bias. It shares memory with this one.
   *
   * @param {number} first
   * @param {number} end One after the last.
   * @returns {Linear}
   */
  part(first, end) {
    const part = Object.create(Linear.prototype);
    part.outputs = this.outputs;
    part.inputs = end - first;
    part.bias = new Float64Array(this.outputs);
    part.columns = this.columns.subarray(first * this.outputs, end * this.outputs);
    return part;
  }

  /**
   * @param {Float32Array} rows (count, inputs)
   * @param {number} count
   * @param {Float32Array | Float64Array} [starts] What is added to W x in place of the bias, (K, outputs).
   * @param {Int32Array} [startOf] Which of the starts each row has, (count); by default the first.
   * @returns {Float32Array} (count, outputs)
   */
  apply(rows, count, starts = this.bias, startOf = undefined) {
    const { inputs, outputs, columns } = this;
    const results = new Float32Array(count * outputs);
    const sums = new Float64Array(outputs);
    const places = new Int32Array(inputs);
    const values = new Float64Array(inputs);
    for (let row = 0; row < count; row++) {
      let found = 0;
      for (let input = 0, at = row * inputs; input < inputs; input++, at++) {
        if (rows[at] !== 0) {
          places[found] = input * outputs;
          values[found++] = rows[at];
        }
      }
      const start = startOf === undefined ? 0 : startOf[row] * outputs;
      for (let output = 0; output < outputs; output++) sums[output] = starts[start + output];
      let next = 0;
      for (; next + 8 <= found; next += 8) addEight(sums, columns, places, values, next);
      for (; next < found; next++) {
        const value = values[next];
        for (let output = 0, at = places[next]; output < outputs; output++, at++) sums[output] += value * columns[at];
      }
      results.set(sums, row * outputs);
    }
    return results;
  }
}

/**
 * Adds eight columns, each times its value, to the sums. A function of its own, so that it is compiled well.
 *
 * @param {Float64Array} sums
 * @param {Float64Array} columns
 * @param {Int32Array} places Where each column starts.
 * @param {Float64Array} values
 * @param {number} next The first of the eight.
 */
function addEight(sums, columns, places, values, next) {
  const a = values[next];
  const b = values[next + 1];
  const c = values[next + 2];
  const d = values[next + 3];
  const e = values[next + 4];
  const f = values[next + 5];
  const g = values[next + 6];
  const h = values[next + 7];
  const i = places[next];
  const j = places[next + 1];
  const k = places[next + 2];
  const l = places[next + 3];
  const m = places[next + 4];
  const n = places[next + 5];
  const o = places[next + 6];
  const p = places[next + 7];
  for (let at = 0; at < sums.length; at++) {
    sums[at] +=
      a * columns[i + at] +
      b * columns[j + at] +
      c * columns[k + at] +
      d * columns[l + at] +
      e * columns[m + at] +
      f * columns[n + at] +
      g * columns[o + at] +
      h * columns[p + at];
  }
}

/**
 * Sets what is negative to 0, in place.
 *
 * @param {Float32Array} values
 * @returns {Float32Array} The same array.
 */
export function rectify(values) {
  for (let at = 0; at < values.length; at++) if (values[at] < 0) values[at] = 0;
  return values;
}

/**
 * @param {number} value
 * @returns {number}
 */
export function sigmoid(value) {
  return 1 / (1 + Math.exp(-value));
}
