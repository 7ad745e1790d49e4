"""From frames, files and arrays to aligned, read-only columns over instants and assets."""
