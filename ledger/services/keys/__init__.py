"""Keys at rest and in use: the code keys, their keeper, the hosted accounts."""
