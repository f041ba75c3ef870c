"""Makes the self-signed TLS certificate of a first start, with the `openssl` program.

Phones that check certificates need a real one (settings `tls_certificate`, `tls_key`); the self-made one still keeps
listeners out. It is valid for ten years, so no phone stops working on a forgotten date.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from telephony.errors import CertificateUnavailable

DAYS = 3_650
OPENSSL_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files of a certificate and its private key."""

    certificate: Path
    key: Path


def ensure_certificate(state_dir: Path, domain: str) -> CertificateFiles:
    """Give the certificate in `state_dir`, made now if it is not there yet. Blocks while openssl runs.

    Raises:
        CertificateUnavailable: No `openssl` program, or it failed.
    """
    files = CertificateFiles(state_dir / "sip-tls.crt", state_dir / "sip-tls.key")
    if files.certificate.exists() and files.key.exists():
        return files
    state_dir.mkdir(parents=True, exist_ok=True)
    fresh_key = state_dir / "sip-tls.key.new"
    fresh_key.unlink(missing_ok=True)
    os.close(os.open(fresh_key, os.O_CREAT | os.O_WRONLY, 0o600))
    _run_openssl(_arguments(domain, fresh_key, files.certificate))
    fresh_key.replace(files.key)
    return files


def _arguments(domain: str, key: Path, certificate: Path) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256", "-days", str(DAYS)]
    names = f"subjectAltName={_alternative_name(domain)}"
    out = ["-keyout", str(key), "-out", str(certificate)]
    return ["req", "-x509", *curve, "-subj", "/CN=ringside", "-addext", names, *out]


def _alternative_name(domain: str) -> str:
    try:
        return f"IP:{ip_address(domain)}"
    except ValueError:
        return f"DNS:{domain}"


def _run_openssl(arguments: list[str]) -> None:
    try:
        done = subprocess.run(
            ["openssl", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=OPENSSL_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise CertificateUnavailable(
            "the openssl program is missing: apt install openssl, or set tls_certificate and tls_key"
        ) from None
    except subprocess.TimeoutExpired:
        raise CertificateUnavailable("openssl did not finish making the TLS certificate") from None
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace")[-400:]
        raise CertificateUnavailable(f"openssl could not make the TLS certificate: {told}")
