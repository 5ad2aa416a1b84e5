"""Keys that sign: parties' messages for the contract, and the relay account's transactions."""

from __future__ import annotations

from dataclasses import dataclass, field

from coincurve import PrivateKey, PublicKey

from ledger.chain import rlp
from ledger.domain.keccak import keccak

Signature = tuple[bytes, bytes]
"""EIP-2098: r and vs, 32 bytes each."""


@dataclass(frozen=True)
class Account:
    """A secp256k1 key pair. address: 20 bytes."""

    secret: bytes = field(repr=False)

    @property
    def address(self) -> bytes:
        """The last 20 bytes of the hash of the public key."""
        public = PrivateKey(self.secret).public_key.format(compressed=False)
        return keccak(public[1:])[12:]

    def sign(self, digest: bytes) -> Signature:
        """Sign a 32-byte digest; s is low (EIP-2)."""
        r, s, parity = self._sign(digest)
        return r, (int.from_bytes(s, "big") | parity << 255).to_bytes(32, "big")

    def sign_rsv(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest as r ‖ s ‖ v, v being 0 or 1: the form of seals and trust files."""
        r, s, parity = self._sign(digest)
        return r + s + bytes([parity])

    def transaction(
        self, chain_id: int, nonce: int, to: bytes | None, data: bytes, gas: int, gas_price: int
    ) -> bytes:
        """Return a signed transaction (EIP-155). to: 20 bytes, None to create a contract."""
        fields = [
            rlp.from_uint(nonce),
            rlp.from_uint(gas_price),
            rlp.from_uint(gas),
            to or b"",
            b"",
            data,
        ]
        unsigned = rlp.encode([*fields, rlp.from_uint(chain_id), b"", b""])
        r, s, parity = self._sign(keccak(unsigned))
        v = rlp.from_uint(chain_id * 2 + 35 + parity)
        return rlp.encode([*fields, v, r.lstrip(b"\0"), s.lstrip(b"\0")])

    def _sign(self, digest: bytes) -> tuple[bytes, bytes, int]:
        signature = PrivateKey(self.secret).sign_recoverable(digest, hasher=None)
        return signature[:32], signature[32:64], signature[64]


def recover(digest: bytes, signature: Signature) -> bytes | None:
    """Return the address that signed, None where the signature recovers nobody."""
    r, vs = signature
    s = (int.from_bytes(vs, "big") & ((1 << 255) - 1)).to_bytes(32, "big")
    try:
        key = PublicKey.from_signature_and_message(r + s + bytes([vs[0] >> 7]), digest, hasher=None)
    except Exception:  # coincurve raises a bare Exception for what is no signature
        return None
    return keccak(key.format(compressed=False)[1:])[12:]
