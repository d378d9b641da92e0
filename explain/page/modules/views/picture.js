/**
 * The picture: a canvas to draw on, examples, and on larger canvases the place and the size of the image.
 */

import { normalise, readStrokes, writeStrokes } from "../drawing.js";
import { argmax } from "../information.js";
import { roundForLink } from "../link.js";
import { centrePlacement, clampPlacement, LARGEST, SMALLEST } from "../scene.js";
import { percent } from "../session.js";
import { ARROWS, byId, html, svg, toggle } from "./dom.js";
import { paintPicture } from "./pixels.js";

/** @typedef {import("../drawing.js").Point} Point */
/** @typedef {import("../drawing.js").Stroke} Stroke */
/** @typedef {import("../link.js").Placement} Placement */
/** @typedef {import("../session.js").Session} Session */

/** After a pause of so many milliseconds a drawing is shown as the agent sees it. */
const PAUSE = 900;
/** Points closer than this, in pixels, are not kept. */
const CLOSE = 0.4;

/** @param {Session} session */
export function pictureView(session) {
  const canvas = /** @type {HTMLCanvasElement} */ (byId("picture-canvas"));
  const overlay = byId("picture-overlay");
  const { width, height } = session.content.canvas;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const pen = session.content.drawing === null ? null : new Pen(session);
  if (session.content.isPlaced) placeImage(session);
  listExamples(session);
  chooseLabel(session);
  byId("clear").onclick = () => pen?.clear();
  toggle(byId("clear"), pen !== null);

  session.views.push(() => {
    paintPicture(canvas, session.canvas);
    overlay.replaceChildren();
    canvas.classList.toggle("under", pen?.isBusy ?? false);
    if (pen !== null) overlay.append(...pen.lines());
    toggle(byId("picture-empty"), session.isEmpty && pen !== null && !pen.isBusy);
  });
}

/** Draws by mouse, touch, pen or keyboard. */
class Pen {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Stroke[]} What is being drawn, in pixels of the canvas; shown until the pen has rested for a while. */
    this.strokes = [];
    /** @type {Point | null} Where the pen of the keyboard is. */
    this.cursor = null;
    this.isDown = false;
    this.isBusy = false;
    this.timer = 0;
    const frame = byId("picture-frame");
    this.frame = frame;
    frame.onpointerdown = (event) => this.down(event);
    frame.onpointermove = (event) => this.move(event);
    frame.onpointerup = () => this.rest();
    frame.onpointercancel = () => this.rest();
    frame.onkeydown = (event) => this.key(event);
    frame.onblur = () => {
      this.cursor = null;
      this.rest();
      session.show();
    };
  }

  get isDrawing() {
    return !this.session.content.isPlaced || byId("mode-draw").matches(":checked");
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.isDrawing || event.button !== 0) return;
    this.frame.setPointerCapture(event.pointerId);
    this.begin(this.pointAt(event));
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.isDown || !this.frame.hasPointerCapture(event.pointerId)) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) this.extend(this.pointAt(each));
    this.apply();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.isDrawing) return;
    const { width, height } = this.session.content.canvas;
    const arrow = ARROWS[event.key];
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      this.cursor ??= [width / 2, height / 2];
      if (!this.isDown) return this.begin(this.cursor);
      this.rest();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
    } else if (arrow !== undefined) {
      event.preventDefault();
      const [x, y] = this.cursor ?? [width / 2, height / 2];
      this.cursor = [Math.min(Math.max(x + arrow[0], 0), width), Math.min(Math.max(y + arrow[1], 0), height)];
      if (this.isDown) {
        this.extend(this.cursor);
        return this.apply();
      }
    }
    this.session.show();
  }

  /** @param {Point} point */
  begin(point) {
    clearTimeout(this.timer);
    if (!this.isBusy) this.strokes = this.strokesOnCanvas();
    this.isDown = this.isBusy = true;
    this.strokes = [...this.strokes, [point]];
    this.apply();
  }

  /** @param {Point} point */
  extend(point) {
    const stroke = this.strokes[this.strokes.length - 1];
    const [x, y] = stroke[stroke.length - 1];
    if (Math.hypot(point[0] - x, point[1] - y) > CLOSE) stroke.push(point);
  }

  rest() {
    if (!this.isDown) return;
    this.isDown = false;
    this.timer = window.setTimeout(() => this.settle(), PAUSE);
  }

  settle() {
    this.isBusy = false;
    this.strokes = [];
    this.session.show();
  }

  clear() {
    clearTimeout(this.timer);
    this.isDown = this.isBusy = false;
    this.strokes = [];
    const shown = this.session.content.numGlimpses - 1;
    this.session.change({ example: null, strokes: [], placement: null, label: null, path: [], shown });
  }

  /** Lets the agent look at what is drawn so far. */
  apply() {
    const { session, strokes } = this;
    const { content, state } = session;
    const style = content.drawing;
    if (style === null) return;
    const normal = normalise(strokes, content.image, style);
    // As a link keeps them, so that a link leads to exactly this drawing.
    const kept = readStrokes(writeStrokes(normal, content.image), content.image);
    const isNew = state.example !== null;
    session.change({
      example: null,
      strokes: kept,
      placement: content.isPlaced ? this.placement() : null,
      label: isNew ? null : state.label,
      path: isNew ? [] : state.path,
      shown: isNew ? content.numGlimpses - 1 : state.shown,
    });
  }

  /** @returns {Placement} Where the drawing is on the canvas. */
  placement() {
    const { content, state } = this.session;
    const points = this.strokes.flat();
    const middle = (/** @type {0 | 1} */ axis) => {
      const values = points.map((point) => point[axis]);
      return roundForLink((Math.min(...values) + Math.max(...values)) / 2);
    };
    const before = state.placement ?? centrePlacement(state, content);
    return clampPlacement({ ...before, x: middle(0), y: middle(1) }, content);
  }

  /** @returns {Stroke[]} The drawing as it is shown, in pixels of the canvas. */
  strokesOnCanvas() {
    const { content, state } = this.session;
    if (state.example !== null) return [];
    const placement = state.placement;
    if (placement === null) return state.strokes;
    const { x, y, scale } = placement;
    const { width, height } = content.image;
    return state.strokes.map((stroke) =>
      stroke.map((point) => [x + (point[0] - width / 2) * scale, y + (point[1] - height / 2) * scale]),
    );
  }

  /** @returns {SVGElement[]} What is being drawn. */
  lines() {
    const { session, strokes, cursor } = this;
    const thickness = session.content.drawing?.stroke ?? 1;
    const lines = this.isBusy
      ? strokes.map((stroke) => {
          const points = [...stroke, stroke[stroke.length - 1]].map((point) => point.join(",")).join(" ");
          return svg("polyline", { points, class: "ink", "stroke-width": thickness });
        })
      : [];
    if (cursor === null) return lines;
    return [...lines, svg("circle", { cx: cursor[0], cy: cursor[1], r: thickness / 2, class: "cursor" })];
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  pointAt(event) {
    const box = this.frame.getBoundingClientRect();
    const { width, height } = this.session.content.canvas;
    const x = ((event.clientX - box.left) / box.width) * width;
    const y = ((event.clientY - box.top) / box.height) * height;
    return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  }
}

/**
 * Moves the image on a larger canvas by dragging, changes its size, and draws fresh distractors.
 *
 * @param {Session} session
 */
function placeImage(session) {
  const { content } = session;
  const frame = byId("picture-frame");
  const size = /** @type {HTMLInputElement} */ (byId("size"));
  const isMoving = () => byId("mode-move").matches(":checked");
  const placement = () => session.state.placement ?? centrePlacement(session.state, content);
  const place = (/** @type {Partial<Placement>} */ change) => {
    const { x, y, scale, distractors } = clampPlacement({ ...placement(), ...change }, content);
    session.change({ placement: { x: roundForLink(x), y: roundForLink(y), scale, distractors } });
  };
  size.min = String(SMALLEST);
  size.max = String(Math.min(LARGEST, content.canvas.width / content.image.width));
  size.oninput = () => place({ scale: Number(size.value) });
  byId("distractors").onclick = () => place({ distractors: Math.floor(Math.random() * 2 ** 31) });
  toggle(byId("placing"), true);
  toggle(byId("distractors"), content.numDistractors > 0);

  /** @type {{x: number, y: number, from: Placement} | null} */
  let drag = null;
  frame.addEventListener("pointerdown", (event) => {
    if (!isMoving() || session.isEmpty) return;
    frame.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, y: event.clientY, from: placement() };
  });
  frame.addEventListener("pointermove", (event) => {
    if (drag === null) return;
    const pixel = content.canvas.width / frame.getBoundingClientRect().width;
    place({ x: drag.from.x + (event.clientX - drag.x) * pixel, y: drag.from.y + (event.clientY - drag.y) * pixel });
  });
  frame.addEventListener("pointerup", () => {
    drag = null;
  });
  frame.addEventListener("wheel", (event) => {
    if (!isMoving() || session.isEmpty) return;
    event.preventDefault();
    place({ scale: roundForLink(placement().scale * (event.deltaY < 0 ? 1.05 : 1 / 1.05)) });
  });
  frame.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!isMoving() || arrow === undefined || session.isEmpty) return;
    event.preventDefault();
    place({ x: placement().x + arrow[0], y: placement().y + arrow[1] });
  });
  session.views.push(() => {
    size.value = String(placement().scale);
    byId("size-words").textContent = `${Math.round(100 * placement().scale)} %`;
    frame.classList.toggle("moving", isMoving());
  });
}

/** @param {Session} session */
function listExamples(session) {
  const { content, examples, networks, retina } = session;
  const agent = networks.agent("trained");
  const buttons = examples.map((example, at) => {
    let state = agent.initialState(example.canvas);
    let location = example.location;
    /** @type {Float32Array} */
    let belief = new Float32Array(content.classNames.length);
    for (let glimpse = 0; glimpse < content.numGlimpses; glimpse++) {
      ({ state, belief, next: location } = agent.look(example.canvas, retina, location, state));
    }
    const top = argmax(belief);
    const canvas = html("canvas", { class: "pixels" });
    paintPicture(canvas, example.canvas);
    const answer = `${content.classNames[top]}, ${percent(belief[top])} sure`;
    const isRight = top === example.label;
    const verdict = isRight ? "rightly" : "wrongly";
    const button = html("button", { class: "example" }, [canvas]);
    button.type = "button";
    button.title = `It is ${content.classNames[example.label]}. The agent ends with ${answer}.`;
    button.setAttribute(
      "aria-label",
      `Example ${at + 1}: ${content.classNames[example.label]}, ${verdict} called ${answer}`,
    );
    button.onclick = () => {
      session.change({ example: at, strokes: [], placement: null, label: null, path: [], driver: "learned", shown: 0 });
    };
    byId(isRight ? "examples-right" : "examples-wrong").append(button);
    return button;
  });
  for (const group of ["examples-right", "examples-wrong"]) {
    toggle(byId(`${group}-group`), byId(group).childElementCount > 0);
  }
  const all = [...byId("examples").querySelectorAll("button")];
  const stopAt = (/** @type {HTMLButtonElement} */ stop) => {
    for (const button of all) button.tabIndex = button === stop ? 0 : -1;
  };
  // A toolbar is one stop of the Tab key, as the WAI-ARIA Authoring Practices have it: arrow keys move within it.
  byId("examples").onkeydown = (event) => {
    const from = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const arrow = ARROWS[event.key];
    const ends = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : null;
    if (from < 0 || (arrow === undefined && ends === null)) return;
    event.preventDefault();
    const to = all[ends ?? (from + arrow[0] + arrow[1] + all.length) % all.length];
    stopAt(to);
    to.focus();
  };
  if (all.length > 0) stopAt(all[0]);
  session.views.push(() => {
    buttons.forEach((button, at) => {
      const isChosen = at === session.state.example;
      if (isChosen && button.getAttribute("aria-pressed") !== "true") stopAt(button);
      button.setAttribute("aria-pressed", String(isChosen));
    });
  });
}

/** @param {Session} session */
function chooseLabel(session) {
  const select = /** @type {HTMLSelectElement} */ (byId("label"));
  select.append(...session.content.classNames.map((name, at) => new Option(name, String(at))));
  select.onchange = () => session.change({ label: select.value === "" ? null : Number(select.value) });
  session.views.push(() => {
    toggle(byId("labelling"), session.state.example === null && !session.isEmpty);
    select.value = session.state.label === null ? "" : String(session.state.label);
  });
}
