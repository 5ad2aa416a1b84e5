"""A small contract written by hand, in variants that log 0 to 4 topics.

fallback() {
    if (calldatasize() == 0)  revert Error("nothing asked");
    if (calldatasize() == 32) return sload(calldata[0]);
    sstore(calldata[0], calldata[1]);
    logN(data: calldata[1], topics: calldata[0], calldata[1], calldata[0], calldata[1], …);
}
"""

from __future__ import annotations

TEXT = b"nothing asked"
ERROR = (
    bytes.fromhex("08c379a0")
    + (32).to_bytes(32, "big")
    + len(TEXT).to_bytes(32, "big")
    + TEXT.ljust(32, b"\0")
)


def runtime(topics: int) -> bytes:
    """Return the code of the variant that logs `topics` topics."""
    write = bytes.fromhex("6020358060003555600052")  # sstore, mstore(0, value)
    write += b"".join(bytes([0x60, 32 * (place % 2), 0x35]) for place in reversed(range(topics)))
    write += bytes.fromhex("60206000") + bytes([0xA0 + topics]) + b"\x00"
    read = bytes.fromhex("5b6000355460005260206000f3")
    head_size = 12
    read_at = head_size + len(write)
    fail_at = read_at + len(read)
    fail_size = 13
    head = bytes([0x36, 0x15, 0x60, fail_at, 0x57, 0x36, 0x60, 32, 0x14, 0x60, read_at, 0x57])
    fail = bytes([0x5B, 0x60, len(ERROR), 0x60, fail_at + fail_size, 0x60, 0, 0x39])
    fail += bytes([0x60, len(ERROR), 0x60, 0, 0xFD])
    assert (len(head), len(fail)) == (head_size, fail_size)
    return head + write + read + fail + ERROR


def deployer(code: bytes) -> bytes:
    """Return the init code that installs `code`."""
    return bytes([0x60, len(code), 0x80, 0x60, 0x0B, 0x60, 0, 0x39, 0x60, 0, 0xF3]) + code


def words(*values: int) -> bytes:
    """Return calldata of 32-byte words."""
    return b"".join(value.to_bytes(32, "big") for value in values)
