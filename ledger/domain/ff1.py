"""FF1 format-preserving encryption, plain: any radix, any length, one numeral string at a time.

Source: NIST SP 800-38G, algorithms 7 and 8, with the domain bound of revision 1. This is the slow
reference that `ledger.domain.code` is held to; it is checked on NIST's nine samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_MIN_DOMAIN = 1_000_000  # SP 800-38G revision 1: fewer values can be enumerated
_ROUNDS = 10


def encrypt(key: bytes, radix: int, tweak: bytes, numerals: Sequence[int]) -> list[int]:
    """Return FF1.Encrypt(key, tweak, numerals), most significant numeral first.

    key: 16, 24 or 32 bytes (AES). Raises ValueError for a radix, numeral or length out of range.
    """
    return _feistel(key, radix, tweak, numerals, decrypting=False)


def decrypt(key: bytes, radix: int, tweak: bytes, numerals: Sequence[int]) -> list[int]:
    """Return FF1.Decrypt(key, tweak, numerals); parameters and errors as `encrypt`."""
    return _feistel(key, radix, tweak, numerals, decrypting=True)


def to_number(radix: int, numerals: Sequence[int]) -> int:
    """Return NUM_radix: the number that the numerals write, most significant first."""
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


def to_numerals(radix: int, length: int, number: int) -> list[int]:
    """Return STR_radix: `number` in `length` numerals, most significant first."""
    numerals = []
    for _ in range(length):
        number, numeral = divmod(number, radix)
        numerals.append(numeral)
    return numerals[::-1]


def _feistel(
    key: bytes, radix: int, tweak: bytes, numerals: Sequence[int], *, decrypting: bool
) -> list[int]:
    n = len(numerals)
    if not 2 <= radix <= 1 << 16 or radix**n < _MIN_DOMAIN:
        raise ValueError(f"radix {radix} with {n} numerals is outside FF1's domain")
    if not all(0 <= numeral < radix for numeral in numerals):
        raise ValueError(f"a numeral is outside 0 to {radix - 1}")
    u = n // 2
    v = n - u
    # ceil(ceil(v * log2(radix)) / 8), in whole numbers
    b = ((radix**v - 1).bit_length() + 7) // 8
    d = 4 * ((b + 3) // 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([_ROUNDS, u % 256])
    p += n.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")

    def round_number(i: int, half: int) -> int:
        q = tweak + bytes((-len(tweak) - b - 1) % 16) + bytes([i]) + half.to_bytes(b, "big")
        return int.from_bytes(_keystream(key, p + q, d), "big")

    left, right = to_number(radix, numerals[:u]), to_number(radix, numerals[u:])
    if decrypting:
        for i in reversed(range(_ROUNDS)):
            modulus = radix ** (u if i % 2 == 0 else v)
            left, right = (right - round_number(i, left)) % modulus, left
    else:
        for i in range(_ROUNDS):
            modulus = radix ** (u if i % 2 == 0 else v)
            left, right = right, (left + round_number(i, right)) % modulus
    return to_numerals(radix, u, left) + to_numerals(radix, v, right)


def _keystream(key: bytes, data: bytes, length: int) -> bytes:
    """Return the first `length` bytes of R ‖ CIPH(R ⊕ 1) ‖ …, with R the CBC-MAC of `data`."""
    # FF1 is built from single AES blocks, which is what ECB gives.
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    r = 0
    for at in range(0, len(data), 16):
        block = r ^ int.from_bytes(data[at : at + 16], "big")
        r = int.from_bytes(aes.update(block.to_bytes(16, "big")), "big")
    stream = r.to_bytes(16, "big")
    for j in range(1, (length + 15) // 16):
        stream += aes.update((r ^ j).to_bytes(16, "big"))
    return stream[:length]
