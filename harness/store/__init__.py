"""Every path and file format the harness reads or writes."""
