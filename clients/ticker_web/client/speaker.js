/** Who wants to be told of what. */

/** @template {Record<string, unknown[]>} Events  by name, with what is told of them */
export class Speaker {
  /** @type {Map<keyof Events, Set<(...told: any[]) => void>>} */
  #listeners = new Map();

  /**
   * Be told from now on. What the listener throws is nobody's here: it goes where uncaught errors go.
   *
   * @template {keyof Events} Name @param {Name} name @param {(...told: Events[Name]) => void} listener
   * @returns {() => void} be told no more
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** @param {keyof Events} name */
  heard(name) {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  /** @template {keyof Events} Name @param {Name} name @param {Events[Name]} told */
  tell(name, ...told) {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(...told);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
