"""What a scene will do, or what a sound does, on one picture: PNG, SVG, or the parts of a page."""
