"""Orders of codes: from the request to the package that a receiver opens."""
