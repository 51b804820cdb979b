"""The console's own certificate: kubectl sends its token over https only, also on this host.

An authority of this state directory signs one server certificate. Clients keep the authority, so a certificate that
was renewed, or got new names, needs no new sign-in. The authority's key is root's; the web process reads the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS, SERVER_DAYS = 3650, 397  # clients refuse longer ones of servers
RENEW_BEFORE = timedelta(days=60)
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make(folder: Path, names: Iterable[str], group: int) -> None:
    """`tls-authority.crt` for clients, `tls.crt` and `tls.key` for the web process. What is good stays as it is."""
    wanted = sorted({name.strip("[]") for name in names if name.strip("[]").isascii()})
    authority = _authority(folder)
    certificate = folder / "tls.crt"
    if certificate.exists() and _still_good(certificate, wanted, authority[0]):
        return
    signed, key = _signed(wanted, authority)
    _write(folder / "tls.key", _private(key), 0o640, group)
    _write(certificate, signed.public_bytes(PEM), 0o640, group)
    _write(folder / "tls-authority.crt", authority[0].public_bytes(PEM), 0o640, group)


def _authority(folder: Path) -> Signed:
    file = folder / "tls-authority.pem"
    if file.exists():
        kept = file.read_bytes()
        key = serialization.load_pem_private_key(kept, None)
        found = x509.load_pem_x509_certificate(kept)
        if isinstance(key, ec.EllipticCurvePrivateKey) and _days_left(found) > RENEW_BEFORE:
            return found, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vmconsole")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made = (
        _begun(name, key, AUTHORITY_DAYS)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(file, made.public_bytes(PEM) + _private(key), 0o600, 0)
    return made, key


def _signed(names: list[str], authority: Signed) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = authority[1].public_key()
    made = (
        _begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]), key, SERVER_DAYS)
        .issuer_name(authority[0].subject)
        .add_extension(x509.SubjectAlternativeName([_named(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .sign(authority[1], hashes.SHA256())
    )
    return made, key


def _begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _still_good(file: Path, names: list[str], authority: x509.Certificate) -> bool:
    found = x509.load_pem_x509_certificate(file.read_bytes())
    known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    same = set(known) == {_named(name) for name in names}
    try:
        found.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001  # whatever is wrong with it, it is made anew
        return False
    return same and _days_left(found) > RENEW_BEFORE


def _days_left(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - datetime.now(UTC)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, PKCS8, serialization.NoEncryption())


def _write(file: Path, content: bytes, mode: int, group: int) -> None:
    """Created with its final mode: nobody sees a key in between."""
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        os.fchown(descriptor, 0, group)
        os.fchmod(descriptor, mode)
        out.write(content)
    draft.replace(file)
