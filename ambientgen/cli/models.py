"""`ambientgen models`."""

from __future__ import annotations

import json
from dataclasses import asdict

from ambientgen.cli import options
from ambientgen.console import Console, table


def models(as_json: options.AsJson = False) -> None:
    """List the models, their licences, whether they are here, and the states they were trained on.

    Any folder in AudioLDM 2's layout and any hub id works as well. Nothing is downloaded: those
    that are not here are listed with the command that fetches them.
    """
    from ambientgen.models.registry import list_models

    console = Console()
    listings = list_models()
    if as_json:
        console.out(json.dumps([asdict(listing) for listing in listings], indent=2))
        return
    rows = [("model", "licence", "its sounds may be sold", "here")]
    rows += [
        (each.name, each.licence, "yes" if each.commercial else "no", "yes" if each.here else "no")
        for each in listings
    ]
    console.out(table(rows, indent=""))
    for each in listings:
        if each.states:
            console.out(f"\n{each.name} was trained on {', '.join(each.states)}.")
    missing = [each for each in listings if not each.here]
    if missing:  # not wrapped, so that a command can be copied
        console.out("\nTo get those that are not here:")
    for each in missing:
        console.out(f"  {each.name}: {each.where}")
