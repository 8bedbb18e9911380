"""`guitai demo`: everything a newcomer needs to sell within a minute, without any hardware."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai.display import NO_DISPLAY, has_display
from guitai.exits import CommandStop, Exit
from guitai.folder import folder_troubles

if TYPE_CHECKING:
    from guitai.demo.play import Ready


@click.command()
@click.option("--offscreen", is_flag=True, help="Show no window (for scripts, and where there is no display).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when everything is ready.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here.")
def command(offscreen: bool, as_json: bool, data_dir: Path | None) -> int:
    """Gateway, sandbox wallets and cashier app on this computer, ready to sell. Ends with Ctrl-C."""
    from guitai.demo.children import ChildFailed
    from guitai.demo.play import demo_folder, play

    def ready(where: Ready) -> None:
        click.echo(where.as_json() if as_json else _welcome(where))
        sys.stdout.flush()

    from sync.lock import FolderLock

    if not offscreen and not has_display():
        click.echo(NO_DISPLAY, err=True)
        offscreen = True

    with demo_folder(data_dir) as folder, folder_troubles(), FolderLock(folder / "demo.lock"):
        try:
            play(folder, offscreen=offscreen, ready=ready)
        except ChildFailed as failed:
            raise CommandStop(
                Exit.USAGE,
                reason="internal",
                message=str(failed),
                hint=_last_words(failed.log),
            ) from failed
    return int(Exit.DONE)


def _welcome(where: Ready) -> str:
    return "\n".join(
        (
            "柜台已开张 · The counter is open.",
            f"  顾客的手机 · the customer's phone:  {where.phone}   (在浏览器中打开 · open it in a browser)",
            f"  网关 · gateway:                      {where.gateway}",
            f"  扫码枪 · scan gun:                   {where.scanner}",
            f"  数据 · data folder:                  {where.data_dir}",
            f"  激活码 · activation code:            {where.activation_code}",
            "",
            "  1. 在收银窗口输入金额，例如 12.5 · type an amount in the cashier window, such as 12.5",
            "  2. 在手机页面点“把付款码放到扫码枪下” · on the phone page press “hold the code under the gun”",
            "  Ctrl-C 结束 · ends everything.",
        )
    )


def _last_words(log: Path) -> str:
    """The end of a process's log, so that its reason is not lost with the folder."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-8:])
