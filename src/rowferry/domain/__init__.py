"""Words and rules that hold whatever the machine: no I/O, no clock, no third party."""
