"""A market on localhost: one tape, many readers.

  Market --> Feed.publish --> audiences --> outlets --> websocket, sse --> clients --> subscribe, ack, ...
             tape, board, bars        `---> long polls                       (at the same time)
                     `------> short polls, rest (snapshot, bars)

Rooms: `market` makes ticks, `feed` remembers and hands out, `session` is one conversation, `wire` and `dialects` are
bytes and words, `endpoints` hold the clients' transports, `links` reach other machines and disks. `stage` sets up a
market with its universe and scenario, `beat` takes its steps as time passes, `control` obeys the admin API. What a
server plays is a `source`: `market_source` is a market, `replay_source` a recording, `root` a market that is shared
through NATS, `links.nats.leaf` the tape of such a one. Other markets' protocols about the same tape are dialects too:
`venue` is what such a one is to the house, `feed.floor` makes its channels, `endpoints.mounts` has its clients.
`auth` knows tokens and `tls` certificates, `server` wires all of them together, `cli` is the command; `scorecard`
compares a market with real ones, `pages` draws reports.

A step of the market, in the order in which it happens: `market.realistic`.
"""

__version__ = "0.1.0"
