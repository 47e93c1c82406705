"""From blocks of a file to rows that may be written: pure, cheap, repeatable."""
