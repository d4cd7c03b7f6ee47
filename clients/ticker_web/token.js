/**
 * Who looks at this page: a token out of its address (`#token=…`, which no browser sends to a server) or typed in, kept as
 * long as the tab is open.
 */

import { bearer } from "./client/bearer.js";

const KEPT = "ticker-token";
const GIVEN = /^#token=([^&/]+)/.exec(location.hash);

if (GIVEN) {
  keep(decodeURIComponent(GIVEN[1]));
  history.replaceState(null, "", location.pathname + location.search); // nor is it left where others see it
}

/** Empty where there is none. */
export const token = sessionStorage.getItem(KEPT) ?? "";

/** @param {string} given */
export function keep(given) {
  sessionStorage.setItem(KEPT, given);
}

/** @param {URL | string} url @param {RequestInit} [init] @returns {Promise<Response>} the answer to somebody known */
export const asked = (url, init = {}) => fetch(url, { ...init, headers: { ...init.headers, ...bearer(token) } });

/** Show the form where the server wants to know who looks, and does not. @param {HTMLFormElement} form @param {URL} base */
export async function offer(form, base) {
  const answer = await asked(new URL("v1/instruments", base), { method: "HEAD" }).catch(() => null);
  if (answer?.status !== 401) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    keep(String(new FormData(form).get("token")).trim());
    location.reload();
  });
}
