/**
 * What the two ends say, as types for the editor: nothing here runs.
 *
 * @typedef {{symbol: string, name: string, sector: string, tick_size: number, decimals: number, lot: number, size_decimals: number}} Instrument
 *
 * @typedef {{ch: "trade", sym: string, n: number, t: number, px: number, sz: number, side: "buy" | "sell"}} Trade
 * @typedef {{ch: "quote", sym: string, n: number, t: number, bid: number, bsz: number, ask: number, asz: number}} Quote
 * @typedef {{ch: "book", sym: string, n: number, t: number, side: "bid" | "ask", px: number, sz: number, crc?: number,
 *   fresh?: boolean}} Book  a level and its size now, 0 where there is none any more
 * @typedef {"pre_open" | "auction" | "trading" | "halted" | "frozen" | "closed"} State
 * @typedef {"schedule" | "halt" | "resume" | "shock" | "regime" | "fat_finger" | "correction" | "quote_stuffing" | "freeze" |
 *   "thaw"} Reason
 * @typedef {{ch: "status", sym: string, n: number, t: number, state: State, reason: Reason, px?: number, sz?: number,
 *   value?: number, ref?: number}} Status
 * @typedef {{ch: "bar.1s" | "bar.1m", sym: string, n: number, t: number, open: number, high: number, low: number,
 *   close: number, volume: number, vwap: number | null, trades: number, done: boolean}} Bar
 * @typedef {{ch: "stats", sym: string, n: number, t: number, open: number, high: number, low: number, last: number,
 *   previous: number, volume: number, vwap: number | null, trades: number, change: number, change_pct: number}} Stats
 * @typedef {Status | Quote | Book | Trade | Bar | Stats} Tick
 *
 * @typedef {"status" | "quotes" | "book" | "trades" | "bars.1s" | "bars.1m" | "stats"} Channel
 * @typedef {Partial<Record<Channel, string[]>>} Subscriptions  channel to symbols, `["*"]` for all
 *
 * @typedef {{op: "subscribe" | "unsubscribe", channels: Channel[], symbols: string[], from?: string, pace?: "every" | "latest",
 *   rate_hz?: number}} Request
 * @typedef {(Request | {op: "ack", seq: number} | {op: "window", size: number} | {op: "ping", ts: number} |
 *   {op: "auth", token: string}) & {id?: number}} ClientMessage
 *
 * @typedef {{type: "welcome", epoch: string, seq: number, heartbeat_s: number, step_ms: number, limits: {symbols: number, ahead?: number},
 *   auth_required: boolean}} Welcome
 * @typedef {{type: "instruments", symbols: string[], tick_sizes: number[], decimals: number[], size_decimals: number[]}} Listing  on packed connections
 * @typedef {{type: "ticks", seq: number, ts: number, data: Tick[]}} Ticks
 * @typedef {{type: "snapshot", seq: number, channel: Channel, data: Tick[]}} Snapshot
 * @typedef {{type: "subscribed" | "unsubscribed", id?: number, subscriptions: Subscriptions}} Granted
 * @typedef {{type: "window", size: number}} Window
 * @typedef {{type: "authenticated", name: string, channels: Channel[], symbols: string[], subscriptions: Subscriptions}} Authenticated
 * @typedef {{type: "pong", id?: number, ts: number}} Pong
 * @typedef {{type: "error", id?: number, code: string, message: string, details?: {retry_after_s?: number}}} Refused
 * @typedef {{type: "lag", from: number, to: number, dropped: number, conflated: number, reason: string}} Lag
 * @typedef {{type: "heartbeat", seq: number}} Heartbeat
 * @typedef {{type: "closing", code: number, reason: string, reconnect_after_s: number | null}} Closing
 * @typedef {{line: string, headers: [string, string][]}} Head
 * @typedef {{type: "handshake", request: Head, response: Head}} Handshake
 * @typedef {{type: "recovered", from: string, to: string, complete: boolean}} Recovered
 * @typedef {Welcome | Listing | Handshake | Recovered | Ticks | Snapshot | Granted | Window | Authenticated | Pong | Refused | Lag | Heartbeat | Closing} ServerMessage
 */

export {};
