"""HTTP for programs: each dialect an application of its own over one service."""
