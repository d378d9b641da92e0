/**
 * Where the image is on a larger canvas, how large, and among which distractors.
 */

import { centrePlacement, clampPlacement, LARGEST, SMALLEST } from "../canvas/scene.js";
import { roundForLink } from "../link.js";
import { ARROWS, byId, toggle } from "./dom.js";

/** @typedef {import("../link.js").Placement} Placement */
/** @typedef {import("../session.js").Session} Session */

/**
 * Moves the image on a larger canvas by dragging, changes its size, and draws fresh distractors.
 *
 * @param {Session} session
 */
export function placeImage(session) {
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
