/**
 * An episode: an agent looks at a canvas, glimpse by glimpse.
 */

import { randomLocation } from "./random.js";

/** @typedef {import("./retina.js").Picture} Picture */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("./network/agent.js").Agent} Agent */
/** @typedef {import("./network/agent.js").Step} Step */
/** @typedef {import("./retina.js").Location} Location */
/** @typedef {import("./retina.js").Retina} Retina */

/** Seeds of the random locations of an episode are this far apart. */
const SEEDS_APART = 1000;

export class Episode {
  /**
   * @param {Agent} agent
   * @param {Retina} retina
   * @param {Picture} canvas
   */
  constructor(agent, retina, canvas) {
    this.agent = agent;
    this.retina = retina;
    this.canvas = canvas;
    /** @type {Step[]} The glimpses so far. */
    this.steps = [];
  }

  /** @param {Location} location Of the next glimpse. */
  look(location) {
    const state = this.steps.at(-1)?.state ?? this.agent.initialState(this.canvas);
    this.steps.push(this.agent.look(this.canvas, this.retina, location, state));
  }

  /**
   * Takes all glimpses that are missing.
   *
   * @param {number} numGlimpses
   * @param {(before: readonly Step[]) => Location} choose Chooses a location after the glimpses before it.
   * @returns {Episode} This one.
   */
  play(numGlimpses, choose) {
    while (this.steps.length < numGlimpses) this.look(choose(this.steps));
    return this;
  }
}

/**
 * @param {Location} first
 * @returns {(before: readonly Step[]) => Location} Chooses as the agent does, from this first location on.
 */
export function ownChoice(first) {
  return (before) => before.at(-1)?.next ?? first;
}

/**
 * @param {State} state
 * @param {Location} first
 * @returns {(before: readonly Step[]) => Location} Chooses as the reader did and then as the driver does, unless that
 *   takes a map.
 */
export function givenChoice({ path, driver, seed }, first) {
  const own = ownChoice(first);
  return (before) => {
    const glimpse = before.length;
    if (glimpse < path.length) return path[glimpse];
    return driver === "random" && glimpse > 0 ? randomLocation(seed + SEEDS_APART * glimpse) : own(before);
  };
}
