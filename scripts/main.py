"""`python -m scripts.main`: the `touchstone` command without its entry point."""

from scripts.cli import main

main()
