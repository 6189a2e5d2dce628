"""How well a model does what it is told: `python -m ambientgen.training.scores MODEL SCORE`.

One module for each score, every one a function of a `Bench` (the model's takes, the procedural
teacher, how much effort) that returns tables. All measures are blind: they read waveforms only, and
know the curve no sooner than at the comparison. docs/pocket.md says how each is taken.
"""
