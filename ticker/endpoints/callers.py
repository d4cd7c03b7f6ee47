"""Which names we answer to, and whose web pages may open a WebSocket.

A browser lends its user's place in the network to any page. A page whose name was pointed at us (DNS rebinding) says a
Host that is not ours; one that opens a WebSocket here (which no browser keeps it from) says an Origin that is not ours.
Programs say no Origin, and are not meant by this.
"""

from functools import lru_cache
from urllib.parse import urlsplit

from ticker.config import Config, is_loopback
from ticker.endpoints.heads import authority
from ticker.endpoints.http import Request
from ticker.errors import Refusal

SHOWN = 64  # characters of what was said
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # what a proxy says that asks for somebody else
_PORTS = (":80", ":443")
_WEB = ("http://", "https://")


class Callers:
    """Who may ask, by what a browser says of itself."""

    def __init__(self, config: Config) -> None:
        named = [name.lower() for name in config.http.hosts]
        self._hosts = frozenset([*named, config.server.host.lower()])
        self._by_any_name = config.server.public and not named  # only its operator knows what it is called
        self._origins = frozenset(config.http.origins)

    def check_host(self, request: Request) -> None:
        """Raise Refusal (misdirected) where a request was meant for somebody else."""
        said = host(request)
        name = _name(f"//{said}")
        if not said or self._by_any_name or is_local(name) or name in self._hosts:
            return
        raise Refusal("misdirected", f"Host: {said[:SHOWN]!r} is no name of this server; http.hosts may name it")

    def check_origin(self, request: Request) -> None:
        """Raise Refusal (forbidden) where a web page asks that is not ours, not local, and not in http.origins."""
        said = request.header("origin")
        if not said or said in self._origins or is_ours(request):
            return
        if not (said.startswith(_WEB) and is_local(_name(said))):
            raise Refusal("forbidden", f"Origin: pages of {said[:SHOWN]!r} may not; http.origins may name them")


def from_here(request: Request) -> bool:
    """Tell whether a request comes from this very machine, not for another, and by a name that means nothing else."""
    passed_on = any(request.header(name) for name in FORWARDED)
    return not passed_on and is_loopback(request.peer.removeprefix("::ffff:")) and is_local(_name(f"//{host(request)}"))


def host(request: Request) -> str:
    """Return the host, and port, that a request names."""
    return authority(request.target) or request.header("host")


def is_ours(request: Request) -> bool:
    """Tell whether the page that asks came from the very server that it asks, by the name it asked for."""
    scheme, _, place = request.header("origin").partition("://")
    return f"{scheme}://" in _WEB and _bare(place) == _bare(request.header("host"))


def is_local(name: str) -> bool:
    """Tell whether a name can mean nothing but the machine it is said on."""
    return is_loopback(name) or name.endswith(".localhost")


@lru_cache(256)  # whoever polls says the same again and again
def _name(url: str) -> str:
    """Return the name in a URL; nothing where it is none."""
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _bare(place: str) -> str:
    """Return a host and port as both a page and a Host header spell it."""
    place = place.lower()
    return next((place.removesuffix(port) for port in _PORTS if place.endswith(port)), place)
