"""What other engines computed, read from their files: bars, order programs, expected results."""
