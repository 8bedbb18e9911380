"""One shop of real processes for all tests of this folder that run in the same worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guitai.demo.children import Child, end
from guitai.demo.play import open_shop
from tests.e2e.shop import Counter


@pytest.fixture(scope="session")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("shop")
    children: list[Child] = []
    try:
        yield Counter(open_shop(folder, children), folder)
    finally:
        end(list(reversed(children)))
