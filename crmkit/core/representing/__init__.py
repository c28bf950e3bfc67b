"""Records and values as JSON has them, and back: one form for every surface and for whatever leaves the house."""
