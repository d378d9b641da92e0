/**
 * What `explain.page.write` puts into the page, and the networks in it.
 */

import { Agent } from "./network/agent.js";
import { decodeBase64, readTensors } from "./network/tensors.js";
import { VAE } from "./network/vae.js";
import { uniformNumbers } from "./random.js";
import { Retina } from "./retina.js";

/** @typedef {import("./canvas/drawing.js").DrawingStyle} DrawingStyle */
/** @typedef {import("./retina.js").Location} Location */
/** @typedef {import("./retina.js").Picture} Picture */
/** @typedef {import("./network/tensors.js").StoredTensors} StoredTensors */
/** @typedef {import("./network/tensors.js").Tensor} Tensor */
/** @typedef {{channels: number, height: number, width: number}} Shape */

/** @typedef {"trained" | "shuffled" | "randomised"} Control What is looked at: the agent, or one of its controls. */

/**
 * @typedef {object} NetworkContent
 * @property {[number, number]} retina Glimpse size and number of scales.
 * @property {Shape} canvas
 * @property {{core: "rnn" | "gru" | "lstm", tensors: StoredTensors}} agent
 * @property {StoredTensors} vae Fitted on the agent's hidden states.
 * @property {StoredTensors | null} shuffledVae Fitted on shuffled hidden states.
 * @property {StoredTensors | null} originalVae Reconstructs the original instead of the canvas.
 * @property {Shape} image Of an original.
 */

/**
 * @typedef {object} PageContent
 * @property {string[]} classNames
 * @property {number} numGlimpses
 * @property {number} numDistractors
 * @property {boolean} isPlaced Whether the canvas is an original at some place, instead of the original itself.
 * @property {DrawingStyle | null} drawing None where images have colours.
 * @property {{canvases: string, originals: string, labels: number[], locations: Location[]}} examples Their pixels in
 *   base64, their labels, and where the agent looked first.
 */

/** @typedef {NetworkContent & PageContent} Content */

/** @typedef {{canvas: Picture, original: Picture, label: number, location: Location}} Example */

/** The retina, the agent and the VAE, each also as the controls have it. They are made when they are first needed. */
export class Networks {
  /** @param {NetworkContent} content */
  constructor(content) {
    this.content = content;
    this.retina = new Retina(...content.retina);
    /** @type {Map<boolean, Agent>} */
    this.agents = new Map();
    /** @type {Map<string, VAE>} */
    this.vaes = new Map();
  }

  /**
   * @param {Control} control
   * @returns {Agent}
   */
  agent(control) {
    const isRandomised = control === "randomised";
    const { core, tensors } = this.content.agent;
    return remembered(this.agents, isRandomised, () => {
      const trained = readTensors(tensors);
      return new Agent(core, isRandomised ? randomised(trained) : trained);
    });
  }

  /**
   * @param {Control} control
   * @returns {VAE}
   */
  vae(control) {
    const { canvas, vae, shuffledVae } = this.content;
    const stored = control === "shuffled" && shuffledVae !== null ? shuffledVae : vae;
    return remembered(this.vaes, stored === vae ? "canvas" : "shuffled", () => new VAE(canvas, readTensors(stored)));
  }

  /** @returns {VAE | null} Reconstructs the original, if the page has such a VAE. */
  get originalVae() {
    const { image, originalVae } = this.content;
    if (originalVae === null) return null;
    return remembered(this.vaes, "original", () => new VAE(image, readTensors(originalVae)));
  }
}

/**
 * @param {Content} content
 * @returns {Example[]}
 */
export function readExamples(content) {
  const { canvases, originals, labels, locations } = content.examples;
  const ofCanvas = splitPictures(canvases, content.canvas);
  const ofOriginal = splitPictures(originals, content.image);
  return labels.map((label, at) => ({
    canvas: ofCanvas[at],
    original: ofOriginal[at],
    label,
    location: locations[at],
  }));
}

/**
 * @param {string} data Base64.
 * @param {Shape} shape
 * @returns {Picture[]}
 */
function splitPictures(data, shape) {
  const bytes = decodeBase64(data);
  const length = shape.channels * shape.height * shape.width;
  return Array.from({ length: bytes.length / length }, (_, at) => ({
    ...shape,
    pixels: bytes.subarray(at * length, (at + 1) * length),
  }));
}

/**
 * Shuffles the numbers within each tensor: as large as before, but all that was learnt is lost.
 *
 * @param {Record<string, Tensor>} tensors
 * @returns {Record<string, Tensor>}
 */
export function randomised(tensors) {
  const uniform = uniformNumbers(0);
  const shuffle = (/** @type {Float32Array} */ values) => {
    const shuffled = values.slice();
    for (let at = shuffled.length - 1; at > 0; at--) {
      const other = Math.floor(uniform() * (at + 1));
      [shuffled[at], shuffled[other]] = [shuffled[other], shuffled[at]];
    }
    return shuffled;
  };
  const entries = Object.entries(tensors);
  return Object.fromEntries(entries.map(([name, { shape, values }]) => [name, { shape, values: shuffle(values) }]));
}

/**
 * @template Key, Value
 * @param {Map<Key, Value>} known
 * @param {Key} key
 * @param {() => Value} make
 * @returns {Value}
 */
function remembered(known, key, make) {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
