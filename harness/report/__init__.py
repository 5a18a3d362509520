"""What is shown, as pure functions of records."""
