"""Rule: what a form or a query carries is escaped as urllib does it, whatever it is."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.escaping import escaped, form_text

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(_TEXTS)
def test_a_text_is_escaped_as_urllib_does_it(text: str) -> None:
    assert escaped(text) == quote(text, safe="")


@given(st.dictionaries(_TEXTS, _TEXTS))
def test_a_form_is_written_as_urllib_writes_it(fields: dict[str, str]) -> None:
    assert form_text(fields) == urlencode(fields, quote_via=quote, safe="")
