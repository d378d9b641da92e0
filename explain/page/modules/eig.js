/**
 * Expected information gain (EIG), as `explain.eig.maps` computes it: what looking somewhere else is expected to tell.
 */

import { divergence, entropy } from "./information.js";

/** @typedef {import("./network/agent.js").Agent} Agent */
/** @typedef {import("./retina.js").Location} Location */
/** @typedef {import("./retina.js").Picture} Picture */
/** @typedef {import("./retina.js").Retina} Retina */

/**
 * @typedef {object} EIGMap Expected information gain of L locations, from S imagined canvases, in nats.
 * @property {Float32Array} divergence How far the next belief is expected to be from the present one, (L).
 * @property {Float32Array} mutualInformation Entropy of the mean next belief less the mean entropy, at least 0, (L).
 * @property {Float32Array} beliefs The next belief for each canvas and location, (S, L, C).
 * @property {Picture[]} canvases The imagined canvases.
 */

/**
 * @param {Agent} agent
 * @param {Retina} retina
 * @param {Float32Array} state The agent's state now.
 * @param {Float32Array} belief What it believes now, (C).
 * @param {Picture[]} canvases What the canvas may look like, draws of the VAE.
 * @param {readonly Location[]} locations
 * @returns {EIGMap}
 */
export function expectedInformationGain(agent, retina, state, belief, canvases, locations) {
  const beliefs = beliefsEverywhere(agent, retina, state, canvases, locations);
  const classes = agent.numClasses;
  const samples = canvases.length;
  const map = {
    divergence: new Float32Array(locations.length),
    mutualInformation: new Float32Array(locations.length),
    beliefs,
    canvases,
  };
  for (let place = 0; place < locations.length; place++) {
    const mean = new Float64Array(classes);
    let meanDivergence = 0;
    let meanEntropy = 0;
    for (let sample = 0; sample < samples; sample++) {
      const start = (sample * locations.length + place) * classes;
      const following = beliefs.subarray(start, start + classes);
      meanDivergence += divergence(following, belief) / samples;
      meanEntropy += entropy(following) / samples;
      for (let at = 0; at < classes; at++) mean[at] += following[at] / samples;
    }
    map.divergence[place] = meanDivergence;
    map.mutualInformation[place] = Math.max(entropy(mean) - meanEntropy, 0);
  }
  return map;
}

/**
 * What the agent would believe after one more glimpse, of each canvas at each location.
 *
 * @param {Agent} agent
 * @param {Retina} retina
 * @param {Float32Array} state
 * @param {Picture[]} canvases S of them.
 * @param {readonly Location[]} locations L of them.
 * @returns {Float32Array} (S, L, C)
 */
export function beliefsEverywhere(agent, retina, state, canvases, locations) {
  const length = retina.numValues(canvases[0].channels);
  const pairs = canvases.length * locations.length;
  const classes = agent.numClasses;
  const glimpses = new Float32Array(pairs * length);
  const locationOf = new Int32Array(pairs);
  // Many imagined glimpses at one location are all black. One of them stands for all.
  const blackAt = new Int32Array(locations.length).fill(-1);
  const rowOf = new Int32Array(pairs);
  let rows = 0;
  canvases.forEach((canvas, sample) => {
    locations.forEach((location, place) => {
      const glimpse = retina.look(canvas, location, glimpses.subarray(rows * length, (rows + 1) * length));
      const isBlack = glimpse.every((value) => value === 0);
      const pair = sample * locations.length + place;
      if (isBlack && blackAt[place] >= 0) {
        rowOf[pair] = blackAt[place];
        return;
      }
      if (isBlack) blackAt[place] = rows;
      locationOf[rows] = place;
      rowOf[pair] = rows++;
    });
  });
  const states = agent.remember(glimpses.subarray(0, rows * length), rows, locations, locationOf, state);
  const different = agent.beliefs(states, rows);
  const beliefs = new Float32Array(pairs * classes);
  for (let pair = 0; pair < pairs; pair++) {
    beliefs.set(different.subarray(rowOf[pair] * classes, (rowOf[pair] + 1) * classes), pair * classes);
  }
  return beliefs;
}
