/**
 * The examples: images of the test split, and how the agent answers them.
 */

import { Episode, ownChoice } from "../episode.js";
import { argmax } from "../information.js";
import { percent } from "../words.js";
import { ARROWS, byId, html, setAttribute, toggle } from "./dom.js";
import { paintPicture } from "./pixels.js";

/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session */
export function listExamples(session) {
  const { content, examples, networks, retina } = session;
  const agent = networks.agent("trained");
  const buttons = examples.map((example, at) => {
    const { steps } = new Episode(agent, retina, example.canvas).play(content.numGlimpses, ownChoice(example.location));
    const { belief } = steps[steps.length - 1];
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
      setAttribute(button, "aria-pressed", String(isChosen));
    });
  });
}
