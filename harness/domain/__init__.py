"""What things are: frozen values."""
