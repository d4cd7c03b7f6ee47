"""A tape shared by several servers around NATS with JetStream: a root publishes it, leaves and standbys take it.

addresses     from keys of the configuration to servers, TLS and credentials
connection    one connection to one of them; where it fails, the next one is another object
jetstream     streams, messages and consumers, by JetStream's own requests
names         what a tape's stream, subjects and keys are called
bucket        small values and large ones under keys, compare-and-swap
blocks        steps as messages, and messages as steps: whatever is not sound is refused here
lease         who leads
backlog       what a root has not got rid of yet
writer        publishes the backlog, each message only where nobody else has written since
pictures      the board and the market as they stand at a step, from which others go on
reader        a consumer that is watched, and made anew
follower      plays what others publish on a feed
link          the conversation that begins anew whenever it breaks
pulse         how one that follows is
gauges        what is counted
leaf          the source of a server without a market
"""
