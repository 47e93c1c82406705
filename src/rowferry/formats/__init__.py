"""One room per file format: recognise a file, inspect it, read its rows with line and bytes; no format knows another."""
