"""Scores into the docs: which figures, where, and what is marked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ambientgen.training.scores.__main__ import write
from ambientgen.training.scores.pages import main, read, texts, triple_names
from ambientgen.training.scores.report import Row, Table

ROOT = Path(__file__).parents[1]
PLACES = (ROOT / "docs" / "pocket.md", ROOT / "ambientgen" / "models" / "pocket" / "README.md")


def table(key: str, *rows: Row) -> Table:
    return Table(key, key, "", rows)


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    rain, birds = "**rain** beside wind and birds", "**birds** beside rain and wind"
    write(
        [
            table(
                "curves",
                Row("rain", {"correlation": 0.944, "procedural": 0.99}),
                Row("birds", {"correlation": 0.904, "procedural": 0.57}),
            ),
            table("silence", Row("rain", {"dB below full": 56.14})),
            table(
                "classes",
                Row("rain", {"named": "4 of 6", "procedural": "6 of 6", "taken for": "waves"}),
                Row("birds", {"named": "5 of 6", "procedural": "6 of 6", "taken for": None}),
            ),
            table("mixtures", Row(rain, {"moves": 0.94}), Row(birds, {"moves": 0.91})),
            table("edits", Row(birds, {"louder": 0.79, "another seed": 0.012})),
            table("natural", Row("rain", {"render to procedural": 0.345})),
            table("ablations", Row("**nothing taken away**", {"named": 1.0})),
        ],
        "pocket",
        tmp_path,
    )
    return tmp_path / "scores.json"


def test_what_missed_is_bold_and_what_was_not_measured_a_dash(scores: Path) -> None:
    told = texts(read([scores]))
    assert told["scores of states"].splitlines()[2:] == [
        "| rain | **0.94** | 0.99 | 56.1 | **4 of 6** | 6 of 6 | waves |",
        "| birds (events) | 0.90 | 0.57 | – | 5 of 6 | 6 of 6 |  |",
    ]
    assert told["scores on the card"].splitlines()[2] == "| rain | **0.94** | 56.1 | **4 of 6** |"
    assert told["scores of mixtures"].splitlines()[2:] == [
        "| rain, wind, birds | **0.94** | – | – | – | – | – | – | – | – |",
        "| birds, rain, wind | 0.91 | – | – | – | **0.79** | – | 0.01 | – | – |",
    ]
    assert told["scores of distances"].splitlines()[2].startswith("| rain | 0.34 | – |")
    assert "| nothing taken away | 1.00 | – |" in told["scores of parts"]


def test_later_runs_take_the_place_of_earlier_rows(scores: Path, tmp_path: Path) -> None:
    write([table("curves", Row("rain", {"correlation": 0.99}))], "pocket", tmp_path / "later")
    told = texts(read([scores, tmp_path / "later" / "scores.json"]))["scores of states"]
    assert "| rain | 0.99 | – | 56.1 |" in told
    assert "| birds (events) | 0.90 |" in told


def test_each_state_of_three_comes_first_in_turn() -> None:
    assert triple_names(("a", "b", "c")) == ["a, b, c", "b, a, c", "c, a, b"]


def test_tables_stand_in_their_places(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "Before.\n\n<!-- figures: scores on the card -->\nold\n<!-- end of figures -->\n"
    )
    main([str(scores), "--docs", str(page.parent)])
    assert capsys.readouterr().out == f"{page}\n"
    told = page.read_text()
    assert "| rain | **0.94** |" in told and "old" not in told and told.startswith("Before.")


def test_every_table_has_a_place_in_the_docs(scores: Path) -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in PLACES)
    named = set(re.findall(r"<!-- figures: (scores [a-z ]+) -->", pages))
    told = set(texts(read([scores])))
    assert told <= named and named - told == {"scores of motion"}  # of which there is no row here


def test_what_is_read_is_what_was_scored(scores: Path) -> None:
    assert json.loads(scores.read_text())["model"] == "pocket"
    assert read([scores])["edits"]["birds, rain, wind"]["louder"] == 0.79
