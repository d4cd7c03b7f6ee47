"""Certificates: which are taken, a sentence for every other, and those that are made for development."""

import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from certificates import pair
from ticker import clock
from ticker.config import Config, ServerConfig
from ticker.errors import ConfigError
from ticker.settings import build as built
from ticker.settings import from_tables
from ticker.tls import authority
from ticker.tls.context import context, load


def complaint(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as raised:
        act()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Shake hands in memory; return the client's end."""
    forth, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, forth, server_hostname=name), server.wrap_bio(forth, back, server_side=True)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0]


def test_a_good_pair_is_taken_and_nothing_old_is_spoken(tmp_path: Path) -> None:
    found = context(*pair(tmp_path, "good"))
    assert found.minimum_version is ssl.TLSVersion.TLSv1_2
    client = ssl.create_default_context(cafile=tmp_path / "good.pem")
    client.set_alpn_protocols(["h2", "http/1.1"])
    end = shaken(found, client, "localhost")
    assert (end.version(), end.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shaken(found, old, "localhost")


def test_every_other_file_is_named(tmp_path: Path) -> None:
    cert, key = pair(tmp_path, "good")
    other, other_key = pair(tmp_path, "other")
    secret = pair(tmp_path, "secret", password="hush")
    expired = pair(tmp_path, "expired", begins_days=-9, ends_days=-1)
    early = pair(tmp_path, "early", begins_days=1)
    client = pair(tmp_path, "client", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    nothing, broken, binary = tmp_path / "nothing.pem", tmp_path / "broken.pem", tmp_path / "binary.pem"
    broken.write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n"
    )
    binary.write_bytes(bytes(range(256)))
    cases: list[tuple[Path, Path, str, Path]] = [
        (nothing, key, "server.tls_cert: {}: no such file", nothing),
        (cert, nothing, "server.tls_key: {}: no such file", nothing),
        (tmp_path, key, "server.tls_cert: {}: is a directory", tmp_path),
        (key, key, "server.tls_cert: {} has no certificate", key),
        (cert, cert, "server.tls_key: {} has no private key", cert),
        (binary, key, "server.tls_cert: {} has no certificate", binary),
        (cert, binary, "server.tls_key: {} has no private key", binary),
        (cert, other_key, f"server.tls_key: {{}} is not the key of {cert}", other_key),
        (other, key, f"server.tls_key: {{}} is not the key of {other}", key),
        (broken, key, "server.tls_cert: {} has no certificate that can be read", broken),
        (cert, broken, "server.tls_key: {} has no private key that can be read", broken),
        (*secret, "server.tls_key: {} is encrypted", secret[1]),
        (*expired, "server.tls_cert: {} has expired", expired[0]),
        (*early, "server.tls_cert: {} is not valid yet", early[0]),
        (*client, "server.tls_cert: {} ", client[0]),
    ]
    for one, two, sentence, named in cases:
        assert complaint(lambda one=one, two=two: context(one, two)).startswith(sentence.format(named))  # type: ignore[misc]


def test_a_certificate_is_replaced_while_it_runs_or_stays_as_it_is(tmp_path: Path) -> None:
    found = context(*pair(tmp_path, "first"))
    complaint(lambda: load(found, *pair(tmp_path, "late", begins_days=-9, ends_days=-1)))
    shaken(found, ssl.create_default_context(cafile=tmp_path / "first.pem"), "localhost")
    load(found, *pair(tmp_path, "second"))
    shaken(found, ssl.create_default_context(cafile=tmp_path / "second.pem"), "localhost")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"tls_cert": "a"}, "server.tls_key: is missing"),
        ({"tls_key": "a"}, "server.tls_cert: is missing"),
        ({"tls_cert": "a", "tls_key": "b", "tls_self_signed": True}, "server.tls_self_signed: goes in place of"),
    ],
)
def test_keys_that_go_together(table: dict[str, object], sentence: str) -> None:
    assert complaint(lambda: built(from_tables({"server": table}, "f"))).startswith(sentence)
    assert (
        not Config().server.secure and ServerConfig(tls_cert="a").secure and ServerConfig(tls_self_signed=True).secure
    )


# The CA for development.


def test_what_is_made_is_believed_under_every_name_of_this_machine_and_kept(tmp_path: Path) -> None:
    made = authority.identity(tmp_path / "state")
    found = context(made.server, made.server)
    for name in (*authority.names(), *authority.ADDRESSES):
        end = shaken(found, ssl.create_default_context(cafile=made.ca), name)
        assert end.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(found, ssl.create_default_context(cafile=made.ca), "elsewhere.example")
    assert stat.S_IMODE(made.server.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.ca.parent.stat().st_mode) == 0o700
    assert "PRIVATE" not in made.ca.read_text() and made.server.read_text().count("PRIVATE KEY-----") == 2
    before = made.server.read_bytes(), made.ca.read_bytes()
    assert authority.identity(tmp_path / "state") == made
    assert (made.server.read_bytes(), made.ca.read_bytes()) == before
    assert sorted(file.name for file in made.ca.parent.iterdir()) == ["ca.pem", "server.pem"]


def test_the_ca_may_speak_of_this_machine_alone(tmp_path: Path) -> None:
    ca = x509.load_pem_x509_certificate(authority.identity(tmp_path).ca.read_bytes())
    limits = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical and limits.value.permitted_subtrees
    assert {str(one.value) for one in limits.value.permitted_subtrees} == {
        *authority.names(),
        "127.0.0.1/32",
        "::1/128",
    }
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)


@pytest.mark.parametrize("spoil", ["expired soon", "renamed", "broken", "another ca", "no key"])
def test_it_is_made_again_where_it_holds_no_more(tmp_path: Path, spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = authority.identity(tmp_path)
    before = made.server.read_bytes()
    if spoil == "expired soon":
        later_us = clock.wall_us() + (authority.DAYS - 3) * 86_400_000_000
        monkeypatch.setattr(clock, "wall_us", lambda: later_us)
    elif spoil == "renamed":
        monkeypatch.setattr(authority, "names", lambda: ["localhost", "another"])
    elif spoil == "broken":
        made.server.write_text("-----BEGIN CERTIFICATE-----")
    elif spoil == "another ca":
        made.ca.write_bytes(authority.identity(tmp_path / "other").ca.read_bytes())
    else:
        made.server.unlink()
    authority.identity(tmp_path)
    assert made.server.read_bytes() != before
    assert stat.S_IMODE(made.server.stat().st_mode) == 0o600


def test_what_it_needs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    said = complaint(lambda: authority.identity(tmp_path / "file" / "tls"))
    assert said.startswith(f"server.tls_self_signed: {tmp_path / 'file' / 'tls'}: not a directory")
    monkeypatch.setitem(sys.modules, "cryptography.x509", None)
    assert "pip install 'tickerplant[tls]'" in complaint(lambda: authority.identity(tmp_path))


def test_where_it_is_kept() -> None:
    assert authority.folder({"XDG_STATE_HOME": "/state"}) == Path("/state/ticker/tls")
    assert authority.folder({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/ticker/tls"
    assert authority.folder({}) == Path.home() / ".local/state/ticker/tls"
