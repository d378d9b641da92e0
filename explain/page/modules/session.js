/**
 * What the page knows: the state that the reader chose, and all that follows from it.
 */

import { readExamples } from "./content.js";
import { GRID } from "./imagining.js";
import { argmax, labelInformation } from "./information.js";
import { roundForLink } from "./link.js";
import { randomLocation } from "./random.js";
import { gridLocations } from "./retina.js";
import { makeCanvas } from "./scene.js";

/** @typedef {import("./agent.js").Step} Step */
/** @typedef {import("./content.js").Content} Content */
/** @typedef {import("./content.js").Networks} Networks */
/** @typedef {import("./eig.js").EIGMap} EIGMap */
/** @typedef {import("./imagining.js").Imagining} Imagining */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("./retina.js").Location} Location */
/** @typedef {import("./retina.js").Picture} Picture */

/** Seeds of the random locations of an episode are this far apart. */
const SEEDS_APART = 1000;
/** Milliseconds for each glimpse that is played. */
const PACE = 900;

export class Session {
  /**
   * @param {Content} content
   * @param {Networks} networks
   * @param {Imagining} imagining
   */
  constructor(content, networks, imagining) {
    this.content = content;
    this.networks = networks;
    this.imagining = imagining;
    this.retina = networks.retina;
    this.examples = readExamples(content);
    this.grid = gridLocations(GRID);
    /** @type {State} */
    this.state = {
      example: this.examples.length > 0 ? 0 : null,
      strokes: [],
      placement: null,
      label: null,
      seed: 1,
      path: [],
      driver: "learned",
      control: "trained",
      shown: 0,
    };
    /** @type {Picture} */
    this.canvas = makeCanvas(this.state, content, this.examples);
    /** @type {Step[]} The agent's own episode, from the same first glimpse. */
    this.own = [];
    /** @type {Step[]} The episode of the reader's path and of the driver. It grows while EIG is computed. */
    this.steps = [];
    /** @type {EIGMap | null} Of the glimpse that is shown, once it is computed. */
    this.map = null;
    /** @type {number | null} The location of the map that the reader picked. */
    this.picked = null;
    /** @type {string} Why something cannot be shown. */
    this.problem = "";
    /** @type {((session: Session) => void)[]} */
    this.views = [];
    this.version = 0;
    /** Of the timer that shows glimpse after glimpse; 0 while none does. */
    this.timer = 0;
    /** @type {Map<Step, EIGMap>} */
    this.maps = new Map();
  }

  /** @returns {boolean} Whether there is nothing on the canvas to look at. */
  get isEmpty() {
    return this.state.example === null && this.state.strokes.length === 0;
  }

  /** @returns {number | null} The true class, if it is known. */
  get label() {
    return this.state.example === null ? this.state.label : this.examples[this.state.example].label;
  }

  /** @returns {Step} */
  get step() {
    return this.steps[Math.min(this.state.shown, this.steps.length - 1)];
  }

  /** @returns {boolean} Whether the glimpses are not where the agent would have taken them. */
  get isOther() {
    return this.steps.some(({ location }, at) => !isSame(location, this.own[at].location));
  }

  /** @returns {Location} Where the agent looks first by itself. */
  get firstLocation() {
    const { example, seed } = this.state;
    return example === null ? randomLocation(seed) : this.examples[example].location;
  }

  /** @returns {boolean} Whether glimpse after glimpse is shown. */
  get isPlaying() {
    return this.timer !== 0;
  }

  /** Shows glimpse after glimpse, until the last one or until the reader does something else. */
  play() {
    const last = this.content.numGlimpses - 1;
    if (this.state.shown === last) this.change({ shown: 0 });
    this.timer = window.setInterval(() => {
      const next = this.state.shown + 1;
      if (next >= this.steps.length) return; // it is not known yet
      if (next === last) this.stop();
      this.update({ shown: next });
    }, PACE);
    this.show();
  }

  /** Stops showing glimpse after glimpse. */
  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /**
   * Changes the state as the reader wants it, and computes and shows what follows.
   *
   * @param {Partial<State>} change
   */
  change(change) {
    this.stop();
    this.update(change);
  }

  /** @param {Partial<State>} change */
  update(change) {
    const before = this.state;
    this.state = { ...before, ...change };
    const names = /** @type {(keyof State)[]} */ (Object.keys(change));
    if (names.some((name) => name !== "shown" && name !== "label" && before[name] !== this.state[name])) this.compute();
    if (names.some((name) => name !== "label")) this.picked = null;
    this.state.shown = Math.min(this.state.shown, this.content.numGlimpses - 1);
    this.show();
    this.requestMap();
  }

  /**
   * Moves a glimpse; all that follow are taken anew.
   *
   * @param {number} glimpse
   * @param {Location} location
   */
  move(glimpse, location) {
    const before = this.steps.slice(0, glimpse).map((step) => step.location);
    /** @type {Location} */
    const rounded = [roundForLink(location[0]), roundForLink(location[1])];
    this.change({ path: [...before, rounded], shown: glimpse });
  }

  /** @param {number | null} place Of the grid. */
  pick(place) {
    this.stop();
    this.picked = place;
    this.show();
  }

  /** Shows everything. */
  show() {
    for (const view of this.views) view(this);
  }

  compute() {
    const { content, networks, state } = this;
    this.version++;
    this.maps.clear();
    this.canvas = makeCanvas(state, content, this.examples);
    const agent = networks.agent(state.control);
    this.own = [];
    this.steps = [];
    for (let glimpse = 0; glimpse < content.numGlimpses; glimpse++) {
      this.own.push(this.look(this.own, this.own.at(-1)?.next ?? this.firstLocation, agent));
    }
    if (state.driver === "learned" && state.path.length === 0) {
      this.steps = [...this.own];
      return;
    }
    if (state.driver === "eig") {
      this.follow(this.version);
      return;
    }
    for (let glimpse = 0; glimpse < content.numGlimpses; glimpse++) {
      this.steps.push(this.look(this.steps, this.nextLocation(glimpse), agent));
    }
  }

  /**
   * The location of a glimpse, unless it takes a map to know it.
   *
   * @param {number} glimpse
   * @returns {Location}
   */
  nextLocation(glimpse) {
    const { path, driver, seed } = this.state;
    if (glimpse < path.length) return path[glimpse];
    if (glimpse === 0) return this.firstLocation;
    return driver === "random" ? randomLocation(seed + SEEDS_APART * glimpse) : this.steps[glimpse - 1].next;
  }

  /**
   * Plays an episode that looks where the expected information gain is highest, glimpse by glimpse.
   *
   * @param {number} version
   */
  async follow(version) {
    const { content, networks, state, grid } = this;
    const agent = networks.agent(state.control);
    for (let glimpse = 0; glimpse < content.numGlimpses && version === this.version; glimpse++) {
      let location = this.nextLocation(glimpse);
      if (glimpse > 0 && glimpse >= state.path.length) {
        const map = await this.mapOf(this.steps[glimpse - 1], version);
        if (map === null || version !== this.version) return;
        location = grid[argmax(map.divergence)];
      }
      this.steps.push(this.look(this.steps, location, agent));
      if (glimpse > 0) this.show();
    }
    this.requestMap();
  }

  /** Computes the map of the glimpse that is shown, unless it is known. */
  async requestMap() {
    const { step, version } = this;
    this.map = this.maps.get(step) ?? null;
    if (this.map !== null || this.isEmpty) {
      this.show();
      return;
    }
    try {
      const map = await this.mapOf(step, version);
      if (map === null || step !== this.step) return;
      this.map = map;
    } catch (error) {
      this.problem = `The map could not be computed: ${error instanceof Error ? error.message : error}.`;
    }
    this.show();
  }

  /**
   * @param {Step} step
   * @param {number} version
   * @returns {Promise<EIGMap | null>}
   */
  async mapOf(step, version) {
    const known = this.maps.get(step);
    if (known !== undefined) return known;
    const { control, seed } = this.state;
    const isWanted = () => version === this.version && !this.maps.has(step);
    const map = await this.imagining.map({ control, state: step.state, belief: step.belief, seed }, isWanted);
    if (map !== null) this.maps.set(step, map);
    return map ?? this.maps.get(step) ?? null;
  }

  /**
   * @param {Step[]} before
   * @param {Location} location
   * @param {import("./agent.js").Agent} agent
   * @returns {Step}
   */
  look(before, location, agent) {
    return agent.look(this.canvas, this.retina, location, before.at(-1)?.state ?? agent.initialState(this.canvas));
  }

  /**
   * What the agent believes, in words.
   *
   * @returns {string}
   */
  describe() {
    if (this.isEmpty) return "There is nothing to look at yet.";
    const { content, state, step, label } = this;
    const order = [...step.belief.keys()].sort((one, other) => step.belief[other] - step.belief[one]);
    const [first, second] = order.map((at) => `${content.classNames[at]} (${percent(step.belief[at])})`);
    const guess = this.isGuess(step) ? " That is hardly more than a guess." : "";
    const verdict =
      label === null ? "" : label === order[0] ? " That is right." : ` It is ${content.classNames[label]}.`;
    return `After glimpse ${state.shown + 1} of ${content.numGlimpses} the agent believes ${first}, then ${second}.${guess}${verdict}`;
  }

  /**
   * @param {Step} step
   * @returns {boolean} Whether its belief in every class is below twice that of a guess.
   */
  isGuess({ belief }) {
    return Math.max(...belief) < 2 / belief.length;
  }

  /**
   * @param {Step} step
   * @returns {number | null} How rightly sure its belief is, if the true class is known.
   */
  labelInformation(step) {
    return this.label === null ? null : labelInformation(step.belief, this.label);
  }
}

/**
 * @param {number} probability
 * @returns {string}
 */
export function percent(probability) {
  if (probability > 0.999) return "> 99.9 %";
  return `${(100 * probability).toFixed(probability > 0.99 ? 1 : 0)} %`;
}

/**
 * @param {number} information In nats.
 * @returns {string} With two decimals and a true minus sign.
 */
export function natsInWords(information) {
  const text = information.toFixed(2);
  return text === "-0.00" ? "0.00" : text.replace("-", "−");
}

/**
 * @param {Location} one
 * @param {Location} other
 * @returns {boolean}
 */
function isSame(one, other) {
  return one[0] === other[0] && one[1] === other[1];
}
