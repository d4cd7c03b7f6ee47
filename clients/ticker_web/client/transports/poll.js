/** What short poll and long poll share: a request that asks for what came after our position. */

import { Reader } from "./reader.js";

const MESSAGES_MAX = 1_000; // in one answer: what the server allows

export class Poll extends Reader {
  /**
   * @param {Record<string, number>} extra  parameters @param {AbortSignal} signal
   * @returns {Promise<number>} how many messages came
   */
  async poll(extra, signal) {
    await this.showNew(signal);
    const wish = this.wish;
    const query = { ...this.spelled, since: this.since, limit: MESSAGES_MAX, ...extra };
    const answer = await this.ask("v1/ticks", query, signal);
    this.took(wish);
    let processed;
    for (const message of answer.batches) processed = this.deliver(message);
    this.position = { epoch: answer.epoch, seq: answer.seq };
    if (processed && wish === this.wish) await this.settled(processed, signal);
    return answer.batches.length;
  }
}
