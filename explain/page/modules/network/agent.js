/**
 * The agent, as `agents.policy` has it: the Recurrent Attention Model without chance.
 */

import { MAX_PIXEL } from "../retina.js";
import { Convolution } from "./convolution.js";
import { makeCore } from "./cores.js";
import { LayerNorm } from "./layer_norm.js";
import { Linear, rectify } from "./linear.js";

/** @typedef {import("../retina.js").Location} Location */
/** @typedef {import("../retina.js").Picture} Picture */
/** @typedef {import("../retina.js").Retina} Retina */
/** @typedef {import("./tensors.js").Tensor} Tensor */

/** The environment clips logits to [-20, 20], and the agent shifts them so that the highest is 20. */
const LOGIT_RANGE = 40;

/**
 * @typedef {object} Step What an agent did with one glimpse.
 * @property {Location} location Where it was taken.
 * @property {Float32Array} glimpse (numScales * channels, glimpseSize, glimpseSize)
 * @property {Float32Array} state What the agent remembers after it.
 * @property {Float32Array} belief The probability of each class.
 * @property {Location} next Where the agent would look next.
 */

export class Agent {
  /**
   * @param {"rnn" | "gru" | "lstm"} core
   * @param {Record<string, Tensor>} tensors By their names in PyTorch.
   */
  constructor(core, tensors) {
    /** @param {string} name */
    const linear = (name) => new Linear(tensors[`${name}.weight`], tensors[`${name}.bias`]);
    this.core = makeCore(core, tensors);
    this.convolutions = ["glimpse_network.convolutions.0", "glimpse_network.convolutions.2"]
      .filter((name) => `${name}.weight` in tensors)
      .map((name) => new Convolution(tensors[`${name}.weight`], tensors[`${name}.bias`]));
    this.context = ["context_network.readout.0", "context_network.readout.2"]
      .filter((name) => `${name}.weight` in tensors)
      .map(linear);
    this.what = linear("glimpse_network.what");
    this.where = linear("glimpse_network.where");
    const combine = linear("glimpse_network.combine");
    this.combineBias = combine.bias;
    this.combineWhat = combine.part(0, this.what.outputs);
    this.combineWhere = combine.part(this.what.outputs, combine.inputs);
    const norm = "glimpse_network.norm";
    this.norm =
      `${norm}.weight` in tensors ? new LayerNorm(tensors[`${norm}.weight`], tensors[`${norm}.bias`]) : undefined;
    this.between = "location_network.between.0.weight" in tensors ? linear("location_network.between.0") : undefined;
    this.locationReadout = linear("location_network.linear");
    this.classifier = linear("classifier");
  }

  /** @returns {number} */
  get numClasses() {
    return this.classifier.outputs;
  }

  /** @returns {number} */
  get stateSize() {
    return this.core.stateSize + (this.context.at(-1)?.outputs ?? 0);
  }

  /**
   * @param {Picture} canvas
   * @returns {Float32Array} The state before the first glimpse. It ends with features of a coarse view of the whole
   *   canvas, if the agent has a context network; they stay as they are.
   */
  initialState(canvas) {
    const state = new Float32Array(this.stateSize);
    if (this.context.length > 0) {
      const [first, last] = this.context;
      const view = coarseView(canvas, Math.sqrt(first.inputs / canvas.channels));
      state.set(rectify(last.apply(rectify(first.apply(view, 1)), 1)), this.core.stateSize);
    }
    return state;
  }

  /**
   * Takes one glimpse.
   *
   * @param {Picture} canvas
   * @param {Retina} retina
   * @param {Location} location
   * @param {Float32Array} state
   * @returns {Step}
   */
  look(canvas, retina, location, state) {
    const glimpse = retina.look(canvas, location);
    const next = this.remember(glimpse, 1, [location], undefined, state);
    return { location, glimpse, state: next, belief: this.beliefs(next, 1), next: this.nextLocation(next) };
  }

  /**
   * Takes in glimpses that each follow the same state.
   *
   * @param {Float32Array} glimpses (count, numScales * channels * glimpseSize**2)
   * @param {number} count
   * @param {readonly Location[]} locations
   * @param {Int32Array | undefined} locationOf Which location each glimpse has, (count); by default the first.
   * @param {Float32Array} state
   * @returns {Float32Array} The next states, (count, stateSize).
   */
  remember(glimpses, count, locations, locationOf, state) {
    const places = Float32Array.from(locations.flat());
    const where = rectify(this.where.apply(places, locations.length));
    const starts = this.combineWhere.apply(where, locations.length, this.combineBias, new Int32Array(locations.length));
    const what = rectify(this.what.apply(this.filter(glimpses, count), count));
    const combined = this.combineWhat.apply(what, count, starts, locationOf);
    const features = rectify(this.norm === undefined ? combined : this.norm.apply(combined, count));
    const { stateSize } = this.core;
    const next = this.core.next(features, count, state.subarray(0, stateSize));
    if (this.context.length === 0) return next;
    const states = new Float32Array(count * this.stateSize);
    for (let row = 0; row < count; row++) {
      states.set(state, row * this.stateSize);
      states.set(next.subarray(row * stateSize, (row + 1) * stateSize), row * this.stateSize);
    }
    return states;
  }

  /**
   * What the linear map of the glimpse reads: the glimpse itself, or what convolutions leave of it.
   *
   * @param {Float32Array} glimpses
   * @param {number} count
   * @returns {Float32Array}
   */
  filter(glimpses, count) {
    return this.convolutions.reduce((values, convolution) => rectify(convolution.apply(values, count)), glimpses);
  }

  /**
   * @param {Float32Array} states (count, stateSize)
   * @param {number} count
   * @returns {Float32Array} (count, numClasses)
   */
  beliefs(states, count) {
    const classes = this.numClasses;
    const beliefs = this.classifier.apply(this.hidden(states, count), count);
    for (let row = 0; row < count; row++) {
      const belief = beliefs.subarray(row * classes, (row + 1) * classes);
      const highest = belief.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
      let sum = 0;
      for (let at = 0; at < classes; at++) {
        belief[at] = Math.exp(Math.max(belief[at] - highest, -LOGIT_RANGE));
        sum += belief[at];
      }
      for (let at = 0; at < classes; at++) belief[at] /= sum;
    }
    return beliefs;
  }

  /**
   * @param {Float32Array} state
   * @returns {Location}
   */
  nextLocation(state) {
    const { hiddenSize, stateSize } = this.core;
    const known = Float32Array.of(...state.subarray(0, hiddenSize), ...state.subarray(stateSize));
    const layer = this.between === undefined ? known : rectify(this.between.apply(known, 1));
    const [x, y] = this.locationReadout.apply(layer, 1);
    return [Math.fround(Math.tanh(x)), Math.fround(Math.tanh(y))];
  }

  /**
   * The part of states that the heads read.
   *
   * @param {Float32Array} states (count, stateSize)
   * @param {number} count
   * @returns {Float32Array} (count, hiddenSize)
   */
  hidden(states, count) {
    const { hiddenSize } = this.core;
    const { stateSize } = this;
    if (hiddenSize === stateSize) return states;
    const hidden = new Float32Array(count * hiddenSize);
    for (let row = 0; row < count; row++) {
      hidden.set(states.subarray(row * stateSize, row * stateSize + hiddenSize), row * hiddenSize);
    }
    return hidden;
  }
}

/**
 * The means over equal parts of a canvas, as PyTorch's adaptive pooling has them: parts overlap where they do not fit.
 *
 * @param {Picture} canvas
 * @param {number} size
 * @returns {Float32Array} (channels, size, size) in [0, 1].
 */
function coarseView({ channels, height, width, pixels }, size) {
  const view = new Float32Array(channels * size * size);
  for (let at = 0; at < view.length; at++) {
    const channel = Math.floor(at / size ** 2);
    const [top, bottom] = partOf(Math.floor(at / size) % size, size, height);
    const [left, right] = partOf(at % size, size, width);
    let sum = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) sum += pixels[(channel * height + y) * width + x];
    }
    view[at] = sum / ((bottom - top) * (right - left) * MAX_PIXEL);
  }
  return view;
}

/**
 * @param {number} part
 * @param {number} parts
 * @param {number} side
 * @returns {[number, number]} Its first pixel, and the one after its last.
 */
function partOf(part, parts, side) {
  return [Math.floor((part * side) / parts), Math.ceil(((part + 1) * side) / parts)];
}
