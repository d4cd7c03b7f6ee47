/** Which requests opened a connection: the browser's resource timing tells, after the answer is complete. */

/** @type {Map<string, (isNew: boolean) => void>} */
const waiting = new Map();
/** @type {PerformanceObserver | null} */
let observer = null;

/** @param {PerformanceObserverEntryList} list */
function tell(list) {
  for (const entry of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
    waiting.get(entry.name)?.(entry.connectEnd > entry.connectStart);
    waiting.delete(entry.name);
  }
}

/** @param {URL} url  about to be asked for @param {(isNew: boolean) => void} told  whether it needed a connection of its own */
export function watchConnection(url, told) {
  if (!observer) {
    observer = new PerformanceObserver(tell);
    observer.observe({ type: "resource" });
  }
  waiting.set(url.href, told);
}
