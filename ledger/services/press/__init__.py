"""Print: symbols, labels, sheets, and the data files of printing lines."""
