/**
 * The pen: drawing by mouse, touch, pen or keyboard.
 */

import { normalise, readStrokes, writeStrokes } from "../canvas/drawing.js";
import { clamp, clampPlacement, placementOf } from "../canvas/scene.js";
import { roundForLink } from "../link.js";
import { ARROWS, byId, pointIn, svg } from "./dom.js";

/** @typedef {import("../canvas/drawing.js").Point} Point */
/** @typedef {import("../canvas/drawing.js").Stroke} Stroke */
/** @typedef {import("../link.js").Placement} Placement */
/** @typedef {import("../session.js").Session} Session */

/** After a pause of so many milliseconds a drawing is shown as the agent sees it. */
const PAUSE = 900;
/** Points closer than this, in pixels, are not kept. */
const CLOSE = 0.4;

/** Draws by mouse, touch, pen or keyboard. */
export class Pen {
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
      this.cursor = [clamp(x + arrow[0], 0, width), clamp(y + arrow[1], 0, height)];
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
    const { content, examples, state } = this.session;
    const points = this.strokes.flat();
    const middle = (/** @type {0 | 1} */ axis) => {
      const values = points.map((point) => point[axis]);
      return roundForLink((Math.min(...values) + Math.max(...values)) / 2);
    };
    // A drawing in place of an example begins with its own size.
    const { scale, distractors } = placementOf({ ...state, example: null }, content, examples);
    const here = { x: middle(0), y: middle(1), scale: state.example === null ? scale : 1, distractors };
    return clampPlacement({ ...here, distractors: distractors ?? state.seed }, content);
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
    const { width, height } = this.session.content.canvas;
    const [x, y] = pointIn(this.frame, event, width, height);
    return [clamp(x, 0, width), clamp(y, 0, height)];
  }
}
