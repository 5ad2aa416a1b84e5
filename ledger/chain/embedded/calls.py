"""eth_call and eth_estimateGas: reading the call object, and geth's errors for what fails."""

from __future__ import annotations

from ledger.chain.embedded import shapes
from ledger.chain.embedded.execution import Call, Outcome, estimate_gas, run
from ledger.chain.embedded.jsonrpc import (
    REVERTED,
    SERVER_ERROR,
    Params,
    RpcError,
    invalid,
    read_data,
    read_quantity,
    read_word,
)
from ledger.chain.embedded.view import View
from ledger.chain.embedded.vm import TX_GAS_LIMIT


def _call(params: Params) -> Call:
    fields = params.need(0)
    if not isinstance(fields, dict):
        raise invalid("argument 0", "a call object")

    def quantity(name: str, default: int) -> int:
        value = fields.get(name)
        return default if value is None else read_quantity(value, name)

    payload = fields.get("input") or fields.get("data") or "0x"
    to = fields.get("to")
    accesses = fields.get("accessList") or []
    try:
        access_list = tuple(
            (
                read_data(entry["address"], "access list address", 20),
                tuple(read_word(key, "access list key") for key in entry["storageKeys"]),
            )
            for entry in accesses
        )
    except (TypeError, KeyError):
        raise invalid("accessList", "a list of {address, storageKeys}") from None
    return Call(
        sender=read_data(fields.get("from") or "0x" + "00" * 20, "from", 20),
        to=b"" if to is None else read_data(to, "to", 20),
        data=read_data(payload, "input"),
        value=quantity("value", 0),
        gas=min(quantity("gas", TX_GAS_LIMIT), TX_GAS_LIMIT),
        nonce=0,
        access_list=access_list,
    )


def _failure(outcome: Outcome) -> RpcError:
    """Return geth's error for a call that failed: code 3 and the data if it reverted."""
    if not outcome.reverted:
        return RpcError(SERVER_ERROR, outcome.error or "")
    reason = _reason(outcome.output)
    message = "execution reverted" + (f": {reason}" if reason is not None else "")
    return RpcError(REVERTED, message, shapes.data(outcome.output))


def _reason(output: bytes) -> str | None:
    """Return the text of a revert with `Error(string)`, None for any other."""
    if output[:4] != bytes.fromhex("08c379a0") or len(output) < 68:
        return None
    size = int.from_bytes(output[36:68], "big")
    return output[68 : 68 + size].decode("utf-8", "replace")


def eth_call(view: View, params: Params) -> str:
    """Answer eth_call: the output; raises RpcError 3 with the data of a revert."""
    call, block = _call(params), view.block(params.get(1, "latest"))
    outcome = run(view.store, block, view.chain_id, call)
    if outcome.error is not None:
        raise _failure(outcome)
    return shapes.data(outcome.output)


def eth_estimate_gas(view: View, params: Params) -> str:
    """Answer eth_estimateGas: enough gas and little more; raises as eth_call does."""
    call, block = _call(params), view.block(params.get(1, "latest"))
    answer = estimate_gas(view.store, block, view.chain_id, call)
    if isinstance(answer, int):
        return hex(answer)
    if answer.out_of_gas:
        raise RpcError(SERVER_ERROR, f"gas required exceeds allowance ({call.gas})")
    raise _failure(answer)
