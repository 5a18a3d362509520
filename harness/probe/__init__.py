"""What can be read of the machine while somebody works on it."""
