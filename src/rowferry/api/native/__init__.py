"""The native dialect under /v1: the union of what Rowferry can do."""
