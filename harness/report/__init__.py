"""What is shown, as pure functions of records: numbers with intervals, tables, plots, the README's page."""
