"""All that is remembered: jobs, chunks, what is declared, hints for the engine, and files."""
