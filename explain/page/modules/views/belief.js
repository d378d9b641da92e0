/**
 * What the agent believes: a bar for each class, and a sentence.
 */

import { argmax } from "../information.js";
import { percent } from "../session.js";
import { byId, html, toggle } from "./dom.js";

/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session */
export function beliefView(session) {
  const rows = session.content.classNames.map((name) => {
    const fill = html("span", { class: "fill" });
    const mark = html("span", { class: "mark" });
    const number = html("span", { class: "number" });
    const row = html("li", {}, [
      html("span", { class: "name", text: name }),
      html("span", { class: "track" }, [fill, mark]),
      number,
    ]);
    return { row, fill, mark, number };
  });
  byId("belief-bars").append(...rows.map(({ row }) => row));

  session.views.push(() => {
    const { step, own, state, label, isEmpty } = session;
    const ofOwn = own[Math.min(state.shown, own.length - 1)].belief;
    const top = argmax(step.belief);
    rows.forEach(({ row, fill, mark, number }, at) => {
      const belief = isEmpty ? 0 : step.belief[at];
      fill.style.width = `${100 * belief}%`;
      mark.style.left = `${100 * ofOwn[at]}%`;
      toggle(mark, session.isOther && !isEmpty);
      number.textContent = isEmpty ? "" : percent(belief);
      row.classList.toggle("top", at === top && !isEmpty);
      row.classList.toggle("true", at === label);
    });
    byId("belief-answer").textContent = isEmpty ? "…" : session.content.classNames[top];
    byId("belief-sure").textContent = isEmpty ? "nothing to look at yet" : `${percent(step.belief[top])} sure`;
    const verdict = byId("belief-verdict");
    toggle(verdict, label !== null && !isEmpty);
    if (label !== null) {
      verdict.textContent = top === label ? "right" : `wrong: it is ${session.content.classNames[label]}`;
      verdict.className = top === label ? "right" : "wrong";
    }
    byId("belief-words").textContent = session.describe();
    toggle(byId("belief-own"), session.isOther);
    const ownTop = argmax(ofOwn);
    byId("belief-own").textContent =
      `On its own path it believes ${session.content.classNames[ownTop]} now (${percent(ofOwn[ownTop])}): the blue marks.`;
  });
}
