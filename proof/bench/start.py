"""Cold start: the cashier app in an activated folder until it is ready to sell, against a process that shows one empty
PySide6 window. Also reported: the memory of both."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import psutil

from proof.bench.measure import Measured, interleaved
from proof.torture.shop import Shop

BOUND = 2.5

_EMPTY_WINDOW = """\
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication(sys.argv)
window = QWidget()
window.resize(1024, 768)
window.show()
QTimer.singleShot(0, lambda: print("ready", flush=True))
app.exec()
"""


async def measure_start(folder: Path, *, rounds: int) -> Measured:
    """Medians of `rounds` starts of each."""
    shop = Shop(folder / "shop", tills=1)
    memory: dict[str, list[float]] = {"ours": [], "reference": []}
    data_dir = str(folder / "shop" / "till1")
    ours_command = ("-m", "guitai", "terminal", "--offscreen", "--announce", "--data-dir", data_dir)
    try:
        await asyncio.to_thread(shop.open, selling=False)

        async def ours() -> float:
            return await asyncio.to_thread(_start, ours_command, memory["ours"], folder)

        async def reference() -> float:
            return await asyncio.to_thread(_start, ("-c", _EMPTY_WINDOW), memory["reference"], folder)

        ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds, warm=1)
    finally:
        await asyncio.to_thread(shop.close)
    return Measured(
        name="start",
        reference="a process that shows one empty PySide6 window",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
        reported={f"{name}_rss_mb": round(median(values), 1) for name, values in memory.items()},
    )


def _start(arguments: tuple[str, ...], memory_mb: list[float], folder: Path) -> float:
    """Milliseconds from the start of the process to its first line. Both run compiled modules, as installed ones are:
    the round that does not count compiles them into the folder."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"QT_QPA_PLATFORM": "offscreen", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    began = time.perf_counter()
    process = subprocess.Popen(
        (sys.executable, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    try:
        assert process.stdout is not None
        with process.stdout:
            line = process.stdout.readline()
            took_ms = (time.perf_counter() - began) * 1000
            if not line:
                raise RuntimeError("the process ended before it was ready")
            memory_mb.append(psutil.Process(process.pid).memory_info().rss / 1e6)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return took_ms
