"""Goods in goods: what a packing line says, what is stored of it, and where an item is."""
