"""Addresses a file may be fetched from: https, http on loopback, file; remote ones only with a sha256."""

import re
from urllib.parse import urlsplit

from harness.errors import ConfigError

USER_OF_ADDRESS = re.compile(r"(?<=://)[^/@\s\"']+@")
SECRET_OF_ADDRESS = re.compile(
    r"([?&][\w.%-]*(?:token|key|sig|secret|passw|cred|auth)[\w.%-]*=)[^&\s\"']+", re.IGNORECASE
)


def is_local(address: str) -> bool:
    """Whether `address` names a file of this machine."""
    return urlsplit(address).scheme == "file"


def is_trusted_way(address: str) -> bool:
    """Whether nobody between here and there can change what comes: https, loopback, or no network at all."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return _is_loopback(parts.hostname or "")
    return parts.scheme == "file"


def check_address(address: str, *, sha256: str, where: str) -> None:
    """Refuse what could bring unknown bytes, and secrets, since addresses are told in logs and scripts.

    Args:
        sha256: expected digest of the file, 64 hexadecimal digits, or "".
        where: the file and key that name the address, for the message.

    Raises:
        ConfigError: another scheme, plain http to another machine, a user or key in the address, no sha256
            for a remote file, or a malformed one.
    """
    require_no_secret(address, where=where)
    if not is_trusted_way(address):
        raise ConfigError(
            f"{where}: address is {address!r}, "
            "expected https://…, file:… or, on this machine only, http://127.0.0.1…",
            remedy=f"correct the address in {where}",
        )
    if not sha256 and not is_local(address):
        raise ConfigError(
            f"{where}: {address} has no sha256, without which nobody can tell what arrived",
            remedy=f'add sha256 = "…" to {where}; `sha256sum FILE` prints it for a copy you trust',
        )
    if sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ConfigError(
            f"{where}: sha256 is {sha256!r}, expected 64 digits 0-9 a-f",
            remedy=f"correct sha256 in {where}; `sha256sum FILE` prints it",
        )


def require_no_secret(address: str, *, where: str) -> None:
    """Refuse an address that nobody else may read, without repeating it.

    Raises:
        ConfigError: it holds a user or a key.
    """
    if USER_OF_ADDRESS.search(address) or SECRET_OF_ADDRESS.search(address):
        raise ConfigError(
            f"{where}: the address holds a user or a key, and addresses are told in logs, plans and scripts",
            remedy="fetch the file by hand, and name it with its sha256: file:/folder/FILE",
        )


def _is_loopback(host: str) -> bool:
    import ipaddress  # only plain http needs it

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
