"""Which version of the package this is."""

from __future__ import annotations


def package_version() -> str:
    """As it was installed; `unreleased` for a bare copy of the code."""
    # Slow to import, so only where it is asked for.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ambientgen")
    except PackageNotFoundError:
        return "unreleased"
