"""Are joins heard? Ways of making neighbouring windows agree, compared by the ear, and loops.

`python -m ambientgen.training.seams MODEL`: see `__main__`.
"""
