"""Which models there are, whether they are here and whole, and how they are loaded."""
