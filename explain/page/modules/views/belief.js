/**
 * What the agent believes: a bar for each class, and a sentence.
 */

import { argmax, isGuess } from "../information.js";
import { beliefInWords, percent } from "../words.js";
import { byId, html, setText, toggle } from "./dom.js";

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
    const answer = isEmpty ? "…" : session.content.classNames[top];
    const isUnsure = isGuess(step.belief);
    const sure = isEmpty ? "nothing to look at yet" : `${percent(step.belief[top])} sure`;
    setText("belief-answer", answer);
    setText("belief-sure", isUnsure && !isEmpty ? `${sure}: hardly more than a guess` : sure);
    setText("belief-short", isEmpty ? "" : `${answer}: ${sure}`);
    const verdict = byId("belief-verdict");
    toggle(verdict, label !== null && !isEmpty);
    if (label !== null) {
      const truth = `it is ${session.content.classNames[label]}`;
      setText("belief-verdict", top === label ? "right" : isUnsure ? truth : `wrong: ${truth}`);
      verdict.className = top === label ? "right" : isUnsure ? "" : "wrong";
    }
    setText("belief-words", beliefInWords(session));
    toggle(byId("belief-own"), session.isOther);
    const ownTop = argmax(ofOwn);
    byId("belief-own").textContent =
      `On its own path it believes ${session.content.classNames[ownTop]} now (${percent(ofOwn[ownTop])}): the blue marks.`;
  });
}
