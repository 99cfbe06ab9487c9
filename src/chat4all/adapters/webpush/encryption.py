"""The encryption of a push, which only the browser that subscribed can undo.

https://www.rfc-editor.org/rfc/rfc8291 with the coding aes128gcm of
https://www.rfc-editor.org/rfc/rfc8188
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chat4all.domain.errors import InvalidInput

CURVE = ec.SECP256R1()
RECORD_SIZE = 4_096
LAST_RECORD = b"\x02"
AUTH_BYTES = 16
SALT_BYTES = 16


def encrypted(
    body: bytes,
    keys: Mapping[str, str],
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return `body` encrypted for the browser whose `keys` these are: `p256dh` and `auth`.

    The key and the salt are new for each push; only a test gives them. Raises
    `InvalidInput` for keys that are none.
    """
    receiver, auth = read_keys(keys)
    sender = sender or ec.generate_private_key(CURVE)
    salt = salt or os.urandom(SALT_BYTES)
    ours = point(sender.public_key())
    info = b"WebPush: info\0" + point(receiver) + ours
    secret = _derived(sender.exchange(ec.ECDH(), receiver), auth, info, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, body + LAST_RECORD, None)


def read_keys(keys: Mapping[str, str]) -> tuple[ec.EllipticCurvePublicKey, bytes]:
    """Return a browser's public key and its secret. Raises `InvalidInput`."""
    try:
        receiver = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, unbase64(keys["p256dh"]))
        auth = unbase64(keys["auth"])
    except (KeyError, ValueError) as error:
        raise _no_keys("p256dh", "it is no point of the curve P-256 in base64url") from error
    if len(auth) != AUTH_BYTES:
        raise _no_keys("auth", "it has not 16 bytes in base64url")
    return receiver, auth


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key in the form that browsers give: uncompressed, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def unbase64(text: str) -> bytes:
    """Read base64url without its padding. Raises `ValueError`."""
    try:
        raw = text.rstrip("=").encode("ascii")
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("no base64url") from error


def base64url(raw: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _no_keys(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"a push cannot be encrypted for `{name}`: {why}", [(f"/keys/{name}", why)])
