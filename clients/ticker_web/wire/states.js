/** What a conversation says of itself, whatever its transport calls that, in words of the page. */

/** @typedef {{word: string, health: "live" | "wait" | "lost" | "off"}} Words */

/** @type {Record<string, Words>} */
const WORDS = {
  live: { word: "live", health: "live" },
  talking: { word: "live", health: "live" },
  streaming: { word: "live", health: "live" },
  held: { word: "live", health: "live" },
  waiting: { word: "live", health: "live" },
  asking: { word: "live", health: "live" },
  opening: { word: "connecting", health: "wait" },
  connecting: { word: "connecting", health: "wait" },
  reconnecting: { word: "reconnecting", health: "lost" },
  lost: { word: "reconnecting", health: "lost" },
  closed: { word: "closed", health: "off" },
  off: { word: "closed", health: "off" },
};
const RANKS = ["live", "wait", "off", "lost"];

/** @param {string} state @returns {Words} */
export const stateWords = (state) => WORDS[state] ?? { word: state, health: "wait" };

/** How bad it is: the higher the worse. @param {string} state */
export const rank = (state) => RANKS.indexOf(stateWords(state).health);
