"""The data set: fetched, unpacked, inspected, converted and split."""
