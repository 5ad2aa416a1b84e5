from ledger.chain.embedded.pairings import load_late

load_late()
