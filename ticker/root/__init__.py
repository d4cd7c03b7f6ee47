"""A market that is shared: one server makes the tape and publishes it, others stand by to go on with the very same one.

source   the source of such a server: it leads, or it follows until it may
term     leading, from when the market is made here until somebody else makes it
heir     the market of this configuration, put where the tape is
hand     the admin API's: what is caused is on the stream before the market shows it
"""
