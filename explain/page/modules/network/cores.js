/**
 * The cores of `agents.policy.networks`: what is seen and the state before become the next state.
 *
 * A core is applied to many rows of features that follow the same state.
 */

import { Linear, rectify, sigmoid } from "./linear.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */

/**
 * @typedef {object} Core
 * @property {number} hiddenSize
 * @property {number} stateSize
 * @property {(features: Float32Array, count: number, state: Float32Array) => Float32Array} next Maps features
 *   (count, inputs) and one state (stateSize) to the next states (count, stateSize).
 */

/** The paper's core, a rectified linear layer. */
class RNNCore {
  /** @param {Record<string, Tensor>} tensors */
  constructor(tensors) {
    const linear = new Linear(tensors["core.linear.weight"], tensors["core.linear.bias"]);
    this.hiddenSize = this.stateSize = linear.outputs;
    this.ofState = linear.part(linear.inputs - linear.outputs, linear.inputs);
    this.ofFeatures = linear.part(0, linear.inputs - linear.outputs);
    this.bias = linear.bias;
  }

  /** @type {Core["next"]} */
  next(features, count, state) {
    return rectify(this.ofFeatures.apply(features, count, this.ofState.apply(state, 1, this.bias)));
  }
}

/** The two linear layers of PyTorch's cells, which have one block of outputs for each gate. */
class GatedCore {
  /** @param {Record<string, Tensor>} tensors */
  constructor(tensors) {
    this.ofFeatures = new Linear(tensors["core.cell.weight_ih"], tensors["core.cell.bias_ih"]);
    this.ofHidden = new Linear(tensors["core.cell.weight_hh"], tensors["core.cell.bias_hh"]);
    this.hiddenSize = this.ofHidden.inputs;
  }
}

/** A gated recurrent unit. */
class GRUCore extends GatedCore {
  /** @param {Record<string, Tensor>} tensors */
  constructor(tensors) {
    super(tensors);
    this.stateSize = this.hiddenSize;
  }

  /** @type {Core["next"]} */
  next(features, count, state) {
    const size = this.hiddenSize;
    const seen = this.ofFeatures.apply(features, count);
    const remembered = this.ofHidden.apply(state, 1);
    const states = new Float32Array(count * size);
    for (let row = 0; row < count; row++) {
      for (let unit = 0, at = row * 3 * size; unit < size; unit++, at++) {
        const reset = sigmoid(seen[at] + remembered[unit]);
        const update = sigmoid(seen[at + size] + remembered[unit + size]);
        const proposed = Math.tanh(seen[at + 2 * size] + reset * remembered[unit + 2 * size]);
        states[row * size + unit] = (1 - update) * proposed + update * state[unit];
      }
    }
    return states;
  }
}

/** A long short-term memory; its state holds the hidden state, then the cell state. */
class LSTMCore extends GatedCore {
  /** @param {Record<string, Tensor>} tensors */
  constructor(tensors) {
    super(tensors);
    this.stateSize = 2 * this.hiddenSize;
  }

  /** @type {Core["next"]} */
  next(features, count, state) {
    const size = this.hiddenSize;
    const seen = this.ofFeatures.apply(features, count);
    const remembered = this.ofHidden.apply(state.subarray(0, size), 1);
    const states = new Float32Array(count * 2 * size);
    for (let row = 0; row < count; row++) {
      for (let unit = 0, at = row * 4 * size; unit < size; unit++, at++) {
        const input = sigmoid(seen[at] + remembered[unit]);
        const forget = sigmoid(seen[at + size] + remembered[unit + size]);
        const proposed = Math.tanh(seen[at + 2 * size] + remembered[unit + 2 * size]);
        const output = sigmoid(seen[at + 3 * size] + remembered[unit + 3 * size]);
        const cell = forget * state[size + unit] + input * proposed;
        states[row * 2 * size + unit] = output * Math.tanh(cell);
        states[(row * 2 + 1) * size + unit] = cell;
      }
    }
    return states;
  }
}

const CORES = { rnn: RNNCore, gru: GRUCore, lstm: LSTMCore };

/**
 * @param {keyof typeof CORES} name
 * @param {Record<string, Tensor>} tensors Of the agent, by their names in PyTorch.
 * @returns {Core}
 */
export function makeCore(name, tensors) {
  return new CORES[name](tensors);
}
