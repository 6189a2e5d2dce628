"""How pocket is made: corpus, one trainer a component, export. Never imported to render."""
