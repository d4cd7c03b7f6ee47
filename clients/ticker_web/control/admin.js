/** The admin API as a page asks it: what it answers, or why it would not. */

/**
 * @typedef {{kind: string, seq: number, symbols: string[], value: number, duration_s: number}} Incident
 * @typedef {object} State
 * @property {string} epoch
 * @property {number} seq
 * @property {string} time  of the market, ISO 8601
 * @property {string} phase
 * @property {number} step_ms
 * @property {number} speed
 * @property {number} speed_actual
 * @property {boolean} paused
 * @property {number | null} until
 * @property {string} scenario
 * @property {Incident[]} past
 * @property {Incident[]} coming
 *
 * @typedef {{epoch: string, seq: number, time: string}} Caused
 */

/** It would not, or could not be asked: in words for whoever pressed the button. */
export class Refused extends Error {
  /** @param {string} words @param {string} [code] */
  constructor(words, code = "") {
    super(words);
    this.code = code;
  }
}

export class Admin {
  /** Sent with everything, where there is one. It is kept nowhere. */
  token = "";
  #base;

  /** @param {URL} base */
  constructor(base) {
    this.#base = base;
  }

  /** Whether a server has an admin API: it names its paths, so that nothing has to be refused. @param {URL} base @returns {Promise<boolean>} */
  static async available(base) {
    try {
      const answer = await fetch(base, { headers: { Accept: "application/json" } });
      const { paths } = /** @type {{paths: string[]}} */ (await answer.json());
      return paths.includes("/admin/state");
    } catch {
      return false;
    }
  }

  /** @returns {Promise<State>} */
  state() {
    return this.#ask("state");
  }

  /** Throws Refused. @param {string} name  of a path below /admin @param {object} [wish] @returns {Promise<any>} */
  act(name, wish = {}) {
    const body = JSON.stringify(wish);
    return this.#ask(name, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  }

  /** @param {string} name @param {{method?: string, body?: string, headers?: Record<string, string>}} [request] @returns {Promise<any>} */
  async #ask(name, request = {}) {
    const headers = { ...request.headers, ...(this.token && { Authorization: `Bearer ${this.token}` }) };
    let answer, said;
    try {
      answer = await fetch(new URL(`admin/${name}`, this.#base), { ...request, headers });
      said = await answer.json();
    } catch {
      throw new Refused("The server does not answer.");
    }
    if (!answer.ok) throw new Refused(said.detail ?? said.title ?? String(answer.status), said.code ?? String(answer.status));
    return said;
  }
}
