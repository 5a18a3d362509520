"""Does a run say again what another one said? What was run, what differs, levels of sameness, receipts."""
