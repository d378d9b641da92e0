/**
 * What the page knows: the state that the reader chose, and all that follows from it.
 */

import { makeCanvas } from "./canvas/scene.js";
import { readExamples } from "./content.js";
import { Episode, givenChoice, ownChoice } from "./episode.js";
import { GRID } from "./imagining.js";
import { argmax, labelInformation } from "./information.js";
import { roundForLink } from "./link.js";
import { randomLocation } from "./random.js";
import { gridLocations } from "./retina.js";

/** @typedef {import("./network/agent.js").Step} Step */
/** @typedef {import("./content.js").Content} Content */
/** @typedef {import("./content.js").Networks} Networks */
/** @typedef {import("./eig.js").EIGMap} EIGMap */
/** @typedef {import("./imagining.js").Imagining} Imagining */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("./retina.js").Location} Location */
/** @typedef {import("./retina.js").Picture} Picture */

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
    /** The agent's own episode, from the same first glimpse. */
    this.ownEpisode = new Episode(networks.agent("trained"), this.retina, this.canvas);
    /** The episode of the reader's path and of the driver. It grows while EIG is computed. */
    this.episode = this.ownEpisode;
    /** @type {EIGMap | null} Of the glimpse that is shown, once it is computed. */
    this.map = null;
    /** @type {number | null} The location of the map that the reader picked. */
    this.picked = null;
    /** @type {string} Why something cannot be shown. */
    this.problem = "";
    /** @type {((session: Session) => void)[]} */
    this.views = [];
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

  /** @returns {Step[]} The agent's own. */
  get own() {
    return this.ownEpisode.steps;
  }

  /** @returns {Step[]} Those of the reader's path and of the driver. */
  get steps() {
    return this.episode.steps;
  }

  /** @returns {Step} The one that is shown. */
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

  /** Plays both episodes on the canvas of the state. */
  compute() {
    const { content, networks, retina, state, firstLocation } = this;
    const { numGlimpses } = content;
    this.maps.clear();
    this.problem = "";
    this.canvas = makeCanvas(state, content, this.examples);
    const agent = networks.agent(state.control);
    const begin = () => new Episode(agent, retina, this.canvas);
    this.ownEpisode = begin().play(numGlimpses, ownChoice(firstLocation));
    if (state.driver === "learned" && state.path.length === 0) {
      this.episode = this.ownEpisode;
    } else if (state.driver === "eig") {
      this.episode = begin();
      this.follow(this.episode);
    } else {
      this.episode = begin().play(numGlimpses, givenChoice(state, firstLocation));
    }
  }

  /**
   * Plays an episode that looks where the expected information gain is highest, glimpse by glimpse, unless the reader
   * wants another one meanwhile.
   *
   * @param {Episode} episode
   */
  async follow(episode) {
    const { content, state, firstLocation } = this;
    episode.play(Math.max(state.path.length, 1), givenChoice(state, firstLocation));
    while (episode.steps.length < content.numGlimpses) {
      const map = await this.mapOf(episode.steps[episode.steps.length - 1]);
      if (map === null || episode !== this.episode) return;
      episode.look(this.grid[argmax(map.divergence)]);
      this.requestMap();
    }
  }

  /** Shows everything, and the map of the glimpse that is shown as soon as it is known. */
  async requestMap() {
    const { step } = this;
    this.map = this.maps.get(step) ?? null;
    this.show();
    if (this.map !== null || this.isEmpty) return;
    try {
      const map = await this.mapOf(step);
      if (map === null || step !== this.step) return;
      this.map = map;
    } catch (error) {
      this.problem = `The map could not be computed: ${error instanceof Error ? error.message : error}.`;
    }
    this.show();
  }

  /**
   * @param {Step} step
   * @returns {Promise<EIGMap | null>} None if the reader went on to another episode meanwhile.
   */
  async mapOf(step) {
    const known = this.maps.get(step);
    if (known !== undefined) return known;
    const { episode } = this;
    const { control, seed } = this.state;
    const isWanted = () => episode === this.episode && !this.maps.has(step);
    const map = await this.imagining.map({ control, state: step.state, belief: step.belief, seed }, isWanted);
    if (map !== null && episode === this.episode) this.maps.set(step, map);
    return this.maps.get(step) ?? null;
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
 * @param {Location} one
 * @param {Location} other
 * @returns {boolean}
 */
function isSame(one, other) {
  return one[0] === other[0] && one[1] === other[1];
}
