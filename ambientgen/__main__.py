"""`python -m ambientgen`."""

from ambientgen.cli import main

if __name__ == "__main__":
    main()
