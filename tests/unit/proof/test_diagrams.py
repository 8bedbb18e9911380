"""ARCHITECTURE.md shows the state tables as they are in the code."""

from pathlib import Path

from proof.diagrams import diagrams, refreshed

ARCHITECTURE = Path(__file__).parents[3] / "ARCHITECTURE.md"


def test_the_diagrams_in_the_document_are_those_of_the_tables() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert refreshed(text) == text
    for name, body in diagrams().items():
        assert f"<!-- states:{name} -->\n{body}" in text


def test_a_document_that_lags_is_refreshed() -> None:
    lagging = "<!-- states:gateway -->\nold\n<!-- /states:gateway -->"
    assert "old" not in refreshed(lagging)
    assert "REVERSING --> NOT_PAID" in refreshed(lagging)
