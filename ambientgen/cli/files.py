"""Text files that commands leave behind."""

from __future__ import annotations

from pathlib import Path

from ambientgen.errors import OutputError, Problem
from ambientgen.shell import shell_word


def write_text(path: Path, text: str, force: bool) -> None:
    """Write a new file, or replace one with `force`.

    Raises:
        OutputError: the file exists, or cannot be written.
    """
    from ambientgen.audio_file.target import errors_named

    with errors_named(str(path)):
        try:
            with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            remedy = "use --force to replace it, or choose another name"
            raise OutputError(Problem(str(path), "exists already", remedy)) from None
        except FileNotFoundError:
            remedy = f"make it with `mkdir -p {shell_word(path.parent)}`"
            what = f"there is no folder {path.parent}"
            raise OutputError(Problem(str(path), what, remedy)) from None
        except IsADirectoryError:
            raise OutputError(Problem(str(path), "is a folder", "name a file in it")) from None
        except ValueError as error:  # a NUL in the name
            problem = Problem(repr(str(path)), f"is no file's name ({error})")
            raise OutputError(problem) from None
