/**
 * The picture: what is drawn or chosen.
 */

import { byId, toggle } from "./dom.js";
import { listExamples } from "./examples.js";
import { Pen } from "./pen.js";
import { paintPicture } from "./pixels.js";
import { placeImage } from "./placing.js";

/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session */
export function pictureView(session) {
  const canvas = /** @type {HTMLCanvasElement} */ (byId("picture-canvas"));
  const overlay = byId("picture-overlay");
  const { width, height } = session.content.canvas;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const pen = session.content.drawing === null ? null : new Pen(session);
  const outline = session.content.isPlaced ? placeImage(session) : () => [];
  listExamples(session);
  chooseLabel(session);
  byId("clear").onclick = () => pen?.clear();
  toggle(byId("clear"), pen !== null);

  session.views.push(() => {
    paintPicture(canvas, session.canvas);
    overlay.replaceChildren();
    canvas.classList.toggle("under", pen?.isBusy ?? false);
    overlay.append(...(pen?.lines() ?? []), ...outline());
    toggle(byId("picture-empty"), session.isEmpty && pen !== null && !pen.isBusy);
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
