"""Processes: started, ended, identified; signals."""
