"""Request lines and headers that nobody should send: refused where nginx refuses, and doing no harm.

The families are those of a catalogue: H1 to H21. Where we are stricter than nginx, or laxer, the case says why.
"""

from conftest import RunningServer
from hostile import TAB, Case, cases, compare, parameters, spelled
from web_servers import WebServer

HOST = b"Host: x\r\n"
OTHERS = "it is no name of ours, and somebody may have pointed it at us (DNS rebinding); nginx answers to any"
STRICT = "llhttp is strict about line ends: what a proxy in front reads otherwise could smuggle a request"
METHODS = "we know the methods that llhttp knows; nginx passes any word in capitals"
NO_RTSP = "llhttp reads RTSP and ICE too, and does not say so: they get HTTP's answer, and are hung up on"
OLD = "nginx still answers HTTP/0.9"
TOKEN = "a name is a token (RFC 9110, section 5.6.2); nginx ignores the header instead"
TEXT = "control characters have no place in a value (RFC 9110, section 5.5); nginx passes them on"
OCTETS = "a target is ASCII (RFC 3986); nginx passes octets on"
UNREAD = "nginx passes queries on unread"
CLIMBING = "nginx resolves .., we leave that to the client and refuse it"


def line(
    target: bytes = b"/healthz", version: bytes = b"HTTP/1.1", method: bytes = b"GET", space: bytes = b" "
) -> bytes:
    return method + space + target + space + version + b"\r\n" + HOST + b"\r\n"


def version(value: bytes) -> bytes:
    return line(version=value)


def method(value: bytes) -> bytes:
    return line(method=value)


def after(value: bytes) -> bytes:
    return line(b"/healthz" + value)


def field(value: bytes) -> bytes:
    return b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + value + b"\r\n\r\n"


def name(value: bytes) -> bytes:
    return field(value + b": x")


def value(octets: bytes) -> bytes:
    return field(b"A: " + octets)


def host(authority: bytes) -> bytes:
    return b"GET /healthz HTTP/1.1\r\nHost: " + authority + b"\r\n\r\n"


GOOD = line()

LINE_ENDS = [
    *cases("H1", 200, {"one": b"\r\n" + GOOD, "two": b"\r\n\r\n" + GOOD, "1000": b"\r\n" * 1000 + GOOD}),
    *cases("H2", 400, {"bare LF": GOOD.replace(b"\r\n", b"\n"), "LF in line": GOOD.replace(b"\r\n", b"\n", 1)}, STRICT),
    *cases("H2", 400, {"LF in header": GOOD.replace(b"x\r\n", b"x\n"), "LF at end": GOOD[:-2] + b"\n"}, STRICT),
    *cases("H2", 400, {"bare CR": GOOD.replace(b"\r\n", b"\r"), "CR in line": GOOD.replace(b"\r\n", b"\r", 1)}),
    *cases("H2", 400, {"CR CR LF": GOOD.replace(b"\r\n", b"\r\r\n"), "at end": GOOD[:-2] + b"\r\r\n"}),
    *cases("H3", 400, {"all": GOOD.replace(b"\r\n", b"\n\r"), "in line": GOOD.replace(b"\r\n", b"\n\r", 1)}),
    *cases("H15", 200, {"two spaces": line(space=b"  "), "before version": line(b"/healthz ")}),
    *cases(
        "H15",
        400,
        {"tab": line(space=b"\t"), "VT": line(space=b"\x0b"), "first": b" " + GOOD, "first tab": b"\t" + GOOD},
    ),
    *cases("H15", 400, {"last": version(b"HTTP/1.1 ")}, "llhttp allows no space at the end of the line"),
    *cases("H15", 400, {"last tab": version(b"HTTP/1.1\t")}),
]

VERSIONS = [
    *cases("H4", 505, {"none": b"GET /healthz\r\n\r\n", "headers": b"GET /healthz\r\nHost: x\r\n\r\n"}, OLD),
    *cases("H4", 400, {"space": b"GET /healthz \r\n\r\n"}, OLD),
    *cases("H5", 200, spelled(version, [b"HTTP/1.0"])),
    *cases("H5", 505, spelled(version, [b"HTTP/2.0", b"HTTP/0.9"])),
    *cases("H5", 400, spelled(version, [b"HTTP/1.2", b"HTTP/1.10"]), "llhttp knows the versions there are"),
    *cases("H5", 400, spelled(version, [b"HTTP/9.9", b"http/1.1", b"HTTP/1.1x", b"HTTP/1", b"HTTP/1.", b"HTTP/11.1"])),
    *cases("H5", 400, spelled(version, [b"HTTP/01.1", b"HTTP/ 1.1", b"XTTP/1.1", b"HTTP/1,1", b"ICE/1.0"])),
    *cases("H6", 400, {"preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}),
    *cases(
        "H6", 200, {"h2c": field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk")}
    ),
]

STRANGERS = [
    *cases("H7", 400, {"TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "SSH": b"SSH-2.0-OpenSSH_9.2\r\n"}),
    *cases("H7", 400, {"SMTP": b"EHLO x\r\n", "SOCKS5": b"\x05\x01\x00"}),
    *cases("H7", 400, {"RTSP": b"OPTIONS rtsp://x/y RTSP/1.0\r\nCSeq: 1\r\n\r\n"}),
    *cases("H7", 400, {"PROXY v1": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + GOOD}),
    *cases("H7", 400, {"PROXY v2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + GOOD}),
    *cases("H7", 200, {"RTSP path": version(b"RTSP/1.0")}, NO_RTSP),
    *cases("H7", 404, {"ICE": b"SOURCE /x ICE/1.0\r\n\r\n"}, NO_RTSP),
]

METHOD = [
    *cases("H8", 400, spelled(method, [b"get", b"Get", b"", b"GE\0T", b"GE\tT", b"GE T", b"G\xc3\x89T", b"G(T"])),
    *cases("H8", 400, spelled(method, [b"G", b"BREW", b"GETX", b"GET_", b"G" * 10_240]), METHODS),
    *cases("H8", 405, spelled(method, [b"TRACE", b"PATCH", b"POST", b"PUT", b"DELETE", b"QUERY", b"PROPFIND"])),
    *cases("H8", 200, spelled(method, [b"HEAD"])),
    *cases("H8", 400, {"CONNECT": b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n"}),
    *cases("H8", 400, {"CONNECT and more": b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n" + GOOD}),
    *cases("H8", 405, {"CONNECT path": method(b"CONNECT")}),
    *cases(
        "H8", 204, {"OPTIONS *": line(b"*", method=b"OPTIONS")}, "it asks about the server (RFC 9110, section 9.3.7)"
    ),
]

TARGETS = [
    *cases("H9", 400, spelled(line, [b"", b"healthz", b"*", b"x:80", b"mailto:a@b", b"?a=1"])),
    *cases("H9", 200, spelled(line, [b"http://x/healthz", b"HTTP://X/healthz", b"http://x"])),
    *cases("H9", 421, spelled(line, [b"http://other/healthz"]), OTHERS),
    *cases("H9", 200, spelled(line, [b"https://x/healthz", b"http://x:80/healthz", b"http://[::1]/healthz"])),
    *cases("H9", 400, spelled(line, [b"http:///healthz", b"http://a:b@x/healthz", b"http://x:abc/healthz"])),
    *cases("H9", 400, spelled(line, [b"http://x y/healthz"])),
    *cases("H9", 400, spelled(line, [b"ftp://x/healthz"]), "it is no address of ours"),
    *cases("H9", 404, spelled(line, [b"//x/healthz"])),
    *cases("H10", 404, {"8192": line(b"/" + b"a" * 8191)}),
    *cases("H10", 414, {"8193": line(b"/" + b"a" * 8192)}, "8 KiB are our limit, 16 were given to nginx"),
    *cases("H10", 414, {"64K": line(b"/" + b"a" * 65_536), "1M, endless": b"GET /" + b"a" * 2**20}),
    *cases("H11", 400, spelled(after, [b" x", b"\tx", b"\0", b"\x7f", b"\x01", b"\x1f", b"\x0b", b"\x0c"])),
    *cases("H11", 400, spelled(after, [b"\x80", b"\xff", "é".encode()]), OCTETS),
    *cases("H11", 404, spelled(after, [b'"', b"<", b"{", b"|", b"^", b"`", b"\\"])),
    *cases("H12", 400, spelled(after, [b"%00", b"%u0041", b"%ZZ", b"%", b"%4"])),
    *cases("H12", 404, spelled(after, [b"%0d%0aX:y", b"%2F", b"%ff", b"%C3%A9", b"%20", b"%3F"])),
    *cases("H12", 200, {"spelled": line(b"/%68ealth%7A")}),
    *cases("H12", 400, spelled(after, [b"?x=%ZZ", b"?x=%", b"?%00"]), UNREAD),
    *cases(
        "H13", 400, spelled(line, [b"/../healthz", b"/..", b"/%2e%2e/healthz", b"/a/%2e%2e/%2e%2e/x", b"\\healthz"])
    ),
    *cases("H13", 400, spelled(line, [b"/../../../etc/passwd", b"/v1/instruments/../../../x"])),
    *cases(
        "H13",
        400,
        spelled(line, [b"/a/../healthz", b"/healthz/..", b"/healthz/%2e%2e%2f", b"/healthz#/../.."]),
        CLIMBING,
    ),
    *cases("H13", 404, spelled(line, [b"/./healthz", b"//healthz", b"/healthz/", b"/healthz/.", b"/..a/x", b"/.../x"])),
    *cases("H13", 404, spelled(line, [b"/\\..\\x", b"/healthz;jsessionid=1", b"/healthz#x"])),
]

FIELDS = [
    *cases("H16", 400, {"no colon": field(b"Nonsense")}, TOKEN),
    *cases("H16", 400, spelled(field, [b": x", b"A : x", b"A\t: x", b"A B: x"])),
    *cases("H16", 400, {"leading": GOOD.replace(b"Host", b" Host"), "tab": GOOD.replace(b"Host", b"\tA: b\r\nHost")}),
    *cases("H16", 200, spelled(field, [b"A:", b"A:    ", b"A:x", b"A:\tx\t", b"A:\r\nB: c"])),
    *cases("H17", 400, spelled(field, [b"A: b\r\n c", b"A: b\r\n\tc", b"A: b\r\n \r\nB: c"])),
    *cases("H17", 400, {"host": b"GET /healthz HTTP/1.1\r\nHost:\r\n x\r\n\r\n"}),
    *cases("H18", 400, spelled(name, [b"A\0", b"A\rB", b"A\x7f", b"A\x01"])),
    *cases("H18", 400, spelled(name, [b"A(", b'A"', b"A/", b"A[", b"A@", b"A,", b"A;", b"A=", b"A{"]), TOKEN),
    *cases("H18", 400, spelled(name, [b"\x80", "é".encode()]), TOKEN),
    *cases("H18", 200, spelled(name, [b"A_B", b"A.", b"A!", b"A~", b"a" * 300])),
    *cases("H19", 400, spelled(value, [b"\0", b"a\rb", b"a\0b"])),
    *cases("H19", 400, spelled(value, [b"\x01", b"\x08", b"\x0b", b"a\x1bb", b"\x1f", b"\x7f"]), TEXT),
    *cases("H19", 400, spelled(value, [b"a\nb"]), STRICT),
    *cases("H19", 200, spelled(value, [b"\x80", b"\xff", "é".encode(), b"a\tb", b"x" * 8191, b"x" * 8193])),
]

HOSTS = [
    *cases("H21", 400, {"two": field(b"Host: x"), "two others": field(b"Host: y"), "none": GOOD.replace(HOST, b"")}),
    *cases("H21", 400, {"two, 1.0": field(b"Host: x").replace(b"1.1", b"1.0")}),
    *cases("H21", 200, {"none, 1.0": b"GET /healthz HTTP/1.0\r\n\r\n"}),
    *cases("H21", 400, spelled(host, [b"", b"x/y", b":80", b"::1", b"x y", b"x\ty", b"x..y", b"x: 80", b"http://x"])),
    *cases(
        "H21",
        200,
        spelled(host, [b"x:0", b"x:65535", b"x:", b"[::1]", b"[::1]:80", b"x.", b" x "]),
    ),
    *cases("H21", 421, spelled(host, [b"x" * 300, b"x_y"]), OTHERS),
    *cases(
        "H21",
        400,
        spelled(host, [b"a@x", b"x:-1", b"x:abc", b"[::1", b"[::g]", b"x?y", b"x#y", b"x\\y", b"\xc3\xa9", b"x:80:80"]),
        "it is no host (RFC 9110, section 7.2); nginx looks for slashes, dots and spaces only",
    ),
    *cases("H21", 200, spelled(host, [b"x\t"]), TAB),
    *cases(
        "H22",
        421,
        spelled(host, [b"evil.example", b"127.0.0.1.nip.io", b"localhost.evil.example"]),
        OTHERS,
    ),
]


@parameters(LINE_ENDS, VERSIONS, STRANGERS)
def test_lines_and_protocols(case: Case, watched: RunningServer, nginx_peer: WebServer) -> None:
    compare(case, watched, nginx_peer)


@parameters(METHOD, TARGETS)
def test_methods_and_targets(case: Case, watched: RunningServer, nginx_peer: WebServer) -> None:
    compare(case, watched, nginx_peer)


@parameters(FIELDS, HOSTS)
def test_fields_and_hosts(case: Case, watched: RunningServer, nginx_peer: WebServer) -> None:
    compare(case, watched, nginx_peer)
