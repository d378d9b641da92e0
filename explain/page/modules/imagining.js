/**
 * Maps of expected information gain on request, computed in a worker so that the page stays responsive.
 */

import { expectedInformationGain } from "./eig.js";
import { normalNumbers } from "./random.js";
import { gridLocations } from "./retina.js";

/** @typedef {import("./content.js").Control} Control */
/** @typedef {import("./content.js").NetworkContent} NetworkContent */
/** @typedef {import("./content.js").Networks} Networks */
/** @typedef {import("./eig.js").EIGMap} EIGMap */

/** Columns and rows of locations in a map. */
export const GRID = 13;
/** Canvases that are imagined for a map. */
export const NUM_SAMPLES = 16;

/**
 * @typedef {object} MapRequest
 * @property {Control} control
 * @property {Float32Array} state
 * @property {Float32Array} belief
 * @property {number} seed Of the draws of the VAE.
 */

/**
 * @param {Networks} networks
 * @param {MapRequest} request
 * @returns {EIGMap}
 */
export function computeMap(networks, { control, state, belief, seed }) {
  const vae = networks.vae(control);
  const canvases = vae.sample(state, normalNumbers(seed, NUM_SAMPLES * vae.latentSize));
  const { retina } = networks;
  return expectedInformationGain(networks.agent(control), retina, state, belief, canvases, gridLocations(GRID));
}

/** Asks a worker for maps, one at a time, or computes them here where there are no workers. */
export class Imagining {
  /**
   * @param {Networks} networks
   * @param {Worker | null} worker
   */
  constructor(networks, worker) {
    this.networks = networks;
    this.worker = worker;
    /** @type {Promise<unknown>} */
    this.last = Promise.resolve();
    worker?.postMessage({ content: networks.content });
  }

  /**
   * @param {MapRequest} request
   * @param {() => boolean} isWanted Asked when its turn comes: nobody waits for the map of a state that has passed.
   * @returns {Promise<EIGMap | null>} None if it was no longer wanted.
   */
  map(request, isWanted) {
    const answer = this.last.then(() => (isWanted() ? this.compute(request) : null));
    this.last = answer.catch(() => null);
    return answer;
  }

  /**
   * @param {MapRequest} request
   * @returns {Promise<EIGMap>}
   */
  compute(request) {
    const { worker, networks } = this;
    if (worker === null) {
      // After the next picture, so that the beliefs are on the screen first.
      return new Promise((resolve) => setTimeout(() => resolve(computeMap(networks, request)), 30));
    }
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = () => {
        this.worker = null;
        resolve(this.compute(request));
      };
      worker.postMessage({ request });
    });
  }
}
