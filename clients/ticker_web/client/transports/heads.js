/**
 * How long the heads of a request and of its answer are.
 *
 * A page sees every header of an answer from its own host. Of its request it sees none, so that only what a browser is known
 * to send is counted: the truth is more.
 */

const LINE_END = 2;

/** @param {Response} response @returns {number} bytes */
export function answerHead(response) {
  let bytes = `HTTP/1.1 ${response.status} ${response.statusText}`.length + 2 * LINE_END;
  for (const [name, value] of response.headers) bytes += `${name}: ${value}`.length + LINE_END;
  return bytes;
}

/** @param {URL} url @returns {number} bytes, at least */
export function requestHead(url) {
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
