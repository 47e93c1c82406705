"""The client of Rowferry for other people's programs; it imports nothing of the server."""
