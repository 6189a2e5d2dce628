"""What is taken for a sound by its name."""

from __future__ import annotations

SOUND_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64"}
)
"""In small letters. All else that a command is given is a scene, or a sidecar."""
