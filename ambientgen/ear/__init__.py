"""The ear: measures of a sound file, with no network and no weights."""
