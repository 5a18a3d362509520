"""Makes things happen: processes, clocks, signals."""
