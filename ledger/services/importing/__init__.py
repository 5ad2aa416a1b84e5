"""Codes that are printed already: from a brand's file to a batch like any other."""
