"""The page: a client like any other, which speaks the public protocol only. Its files lie beside this one."""
