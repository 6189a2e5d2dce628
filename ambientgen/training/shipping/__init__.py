"""What files that ship hold, by other programs: `python -m ambientgen.training.shipping`.

One module for each measure, every one a function of a `Bench` that renders what it needs and
returns tables. Files are read by ffmpeg, ffprobe, SoX, Python's `wave` and mutagen (`programs`), so
that nothing here is judged by what made it; `pages` puts the tables into the docs.
"""
