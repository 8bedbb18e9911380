"""One shop of real processes for all tests of this folder that run in the same worker; a real screen if asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from guitai.demo.children import Child, end
from guitai.demo.play import open_shop
from tests.e2e.screen import Screen, missing_packages
from tests.e2e.shop import Counter


@pytest.fixture(scope="session")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("shop")
    children: list[Child] = []
    try:
        yield Counter(open_shop(folder, children), folder)
    finally:
        end(list(reversed(children)))


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A screen with an input method; tests that use it are marked `x11`."""
    missing = missing_packages()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI lacks {', '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with Screen(tmp_path_factory.mktemp("desk")) as made:
        yield made
