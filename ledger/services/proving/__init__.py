"""Proofs: what the ledger shows of a code, a history or a fraud, as files."""
