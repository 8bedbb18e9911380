"""One sandbox process for all contract tests of this folder; every test uses order numbers of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.sandbox.alipay_sdk import AlipaySdk
from tests.contract.sandbox.running_sandbox import RunningSandbox, running_sandbox


@pytest.fixture(scope="session")
def wallet_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox") / "keys"


@pytest.fixture(scope="session")
def sandbox(wallet_keys: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(gun=True, keys=wallet_keys) as running:
        yield running


@pytest.fixture
def sdk(sandbox: RunningSandbox) -> AlipaySdk:
    return AlipaySdk(sandbox.http.get("/merchant/alipay").json())
