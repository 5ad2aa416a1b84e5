"""Keccak-256 as Ethereum uses it, by the fastest backend that is installed.

safe-pysha3 where it has wheels (Linux), else pycryptodome (about 7 times slower, same bytes).
"""

from __future__ import annotations

try:
    import sha3

    def keccak(data: bytes) -> bytes:
        """Return the 32-byte Keccak-256 digest of `data`."""
        digest: bytes = sha3.keccak_256(data).digest()
        return digest

    BACKEND = "safe-pysha3"
except ImportError:  # macOS: no wheel
    from Crypto.Hash import keccak as _keccak

    def keccak(data: bytes) -> bytes:
        """Return the 32-byte Keccak-256 digest of `data`."""
        return _keccak.new(digest_bits=256, data=data).digest()

    BACKEND = "pycryptodome"
