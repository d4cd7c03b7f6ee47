/** Why reading ended. `stale`: there is no going on from our position. `final`: the server does not want us back. */
export class Trouble extends Error {
  /**
   * @param {string} why
   * @param {{stale?: boolean, final?: boolean, askedS?: number | null, refused?: string}} [details]  `refused`: what we
   *   wanted cannot be had, and the server said why
   */
  constructor(why, { stale = false, final = false, askedS = null, refused = "" } = {}) {
    super(why);
    this.stale = stale;
    this.final = final;
    this.askedS = askedS;
    this.refused = refused;
  }
}
