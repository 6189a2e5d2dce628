"""Pocket, made anew: `python -m ambientgen.training.pocket WORK OUT` carries out its recipe."""

from __future__ import annotations

import sys
from pathlib import Path

from ambientgen.training.job import train
from ambientgen.training.order import Order
from ambientgen.training.recipe import load_recipe


def main() -> None:
    """Train in the folder of the first argument, write the model to that of the second."""
    work, out = (Path(argument) for argument in sys.argv[1:3])
    train(Order(load_recipe("pocket"), work, out))


if __name__ == "__main__":
    main()
