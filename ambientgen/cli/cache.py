"""`ambientgen cache`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.inputs import read_store
from ambientgen.console import Console, table


def cache(
    *,
    cache: options.Cache = None,
    cache_size: options.CacheSize = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete the finished windows.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show where finished windows are kept and what they take, or delete them.

    Renders only ever save time by them: without, they make the same sounds.
    """
    store = read_store(cache, cache_size)
    held = store.clear() if clear else store.size()
    console = Console()
    if as_json:
        told = {"folder": str(store.folder), "windows": held.entries, "bytes": held.bytes}
        console.out(json.dumps({**told, "limit_bytes": store.limit_bytes, "cleared": clear}))
        return
    amount = f"{held.entries} in {held.bytes / 1e6:.1f} MB"
    if clear:
        console.out(f"deleted {amount}, in {store.folder}")
        return
    limit = f"{store.limit_bytes / 1e6:.0f} MB; the longest unused go first"
    rows = [("folder", str(store.folder)), ("windows", amount), ("limit", limit)]
    console.out(table(rows, indent=""))
