"""How pocket is made: the corpus, one trainer per component, the export. Never imported to render."""
