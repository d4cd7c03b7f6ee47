/**
 * What HTTP costs beside what it says: the heads, and connections of its own.
 *
 * A page sees every header of an answer from its own host. Of its request it sees none, so that only what a browser is known
 * to send is counted: the truth is more. Which requests opened a connection the browser's resource timing tells, after the
 * answer is complete.
 */

/** @import {Meter} from "./client/transports/exchange.js" */

const LINE_END = 2;

/** @type {Map<string, (isNew: boolean) => void>} */
const waiting = new Map();
/** @type {PerformanceObserver | null} */
let observer = null;

/** @param {Response} response @returns {number} bytes */
function answerHead(response) {
  let bytes = `HTTP/1.1 ${response.status} ${response.statusText}`.length + 2 * LINE_END;
  for (const [name, value] of response.headers) bytes += `${name}: ${value}`.length + LINE_END;
  return bytes;
}

/** @param {URL} url @returns {number} bytes, at least */
function requestHead(url) {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Connection: keep-alive",
    `User-Agent: ${navigator.userAgent}`,
    "Accept: */*",
    `Accept-Language: ${navigator.languages.join(",")}`,
    "Accept-Encoding: gzip, deflate, br",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Dest: empty",
  ];
  return lines.reduce((bytes, line) => bytes + line.length + LINE_END, LINE_END);
}

/** @param {PerformanceObserverEntryList} list */
function tell(list) {
  for (const entry of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
    waiting.get(entry.name)?.(entry.connectEnd > entry.connectStart);
    waiting.delete(entry.name);
  }
}

/** @param {URL} url  about to be asked for @param {(isNew: boolean) => void} told  whether it needed a connection of its own */
function watchConnection(url, told) {
  if (!observer) {
    observer = new PerformanceObserver(tell);
    observer.observe({ type: "resource" });
  }
  waiting.set(url.href, told);
}

/** @type {Meter} */
export const METER = { requestHead, answerHead, watchConnection };
