"""`guitai doctor`: can this till sell? Disk, journal, line, clock, sound, display, every device that may scan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guitai.exits import CommandStop, Exit
from guitai.folder import data_dir_option, resolved
from guitai.seconds import Seconds
from protocol.reasons import Reason

if TYPE_CHECKING:
    from drivers.scanner.seen import DeviceSeen
    from terminal.cashier.ports import CheckFound
    from terminal.live.looking import Looked
    from terminal.live.one_scan import NamedScan

_MARKS = {True: "ok  ", False: "FAIL", None: "note"}
_SCAN_WAIT_S = 60.0


@click.command()
@click.option("--scan", "uri", metavar="URI", help="Read one test scan from this device and say what it is.")
@click.option("--wait", type=Seconds(1, 600), default=_SCAN_WAIT_S, show_default=True, help="Seconds for --scan.")
@click.option("--udev-rule", is_flag=True, help="Print the udev rule that lets a cashier's account use scanners.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def command(uri: str | None, wait: float, udev_rule: bool, as_json: bool, data_dir: Path | None) -> int:
    """Check everything that selling needs, and say what to do. Runs beside the app and changes nothing."""
    if udev_rule:
        from drivers.scanner.inventory import udev_rule_text

        click.echo(udev_rule_text(), nl=False)
        return int(Exit.DONE)
    folder = resolved(data_dir)
    if uri is not None:
        return _test_scan(folder, uri, wait, as_json)
    return _check(folder, as_json)


def _check(folder: Path, as_json: bool) -> int:
    from terminal.live.checks import checks_of
    from terminal.live.looking import look_at

    looked = look_at(folder)
    # Guns are devices here: no app runs in this process that could have opened one.
    checks = [_told(check, looked) for check in checks_of(looked) if check.name != "gun"] + _extra(looked)
    devices = [_device(device) for device in looked.devices]
    failed = [check["name"] for check in checks if check["passed"] is False]
    message = "Ready to sell." if not failed else f"Needs a look: {', '.join(failed)}."
    if as_json:
        reason = Reason.CHECK_FAILED if failed else Reason.DONE
        found = {"data_dir": str(folder), "checks": checks, "devices": devices, "reason": reason, "message": message}
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print(folder, checks, devices, message)
    return int(Exit.NOT_DONE if failed else Exit.DONE)


def _told(check: CheckFound, looked: Looked) -> dict[str, Any]:
    from guitai import wording
    from terminal.cashier.phrase import Phrase

    why = _why(check, looked)
    return {
        "name": check.name,
        "passed": check.passed,
        "found": why or wording.text(Phrase(f"found.{check.found}", check.values)),
        "todo": wording.text(Phrase(f"check_todo.{check.todo}", check.values)) if check.todo else "",
    }


def _why(check: CheckFound, looked: Looked) -> str:
    """The exact trouble of folder and journal, where the screen's short sentence says less."""
    from guitai import wording
    from terminal.cashier.words import BLOCKED_REASONS
    from terminal.live.looking import JournalSeen

    reason = {"activation": looked.identity, "journal": looked.journal}.get(check.name)
    if isinstance(reason, JournalSeen) and reason.verdict.broken is not None:
        return "The journal does not fit together; `guitai verify` names the place."
    return wording.text(f"blocked.{reason.value}") if isinstance(reason, Reason) and reason in BLOCKED_REASONS else ""


def _extra(looked: Looked) -> list[dict[str, Any]]:
    """What only a command line can say: display, input method, settings."""
    display = {
        "name": "display",
        "passed": True if looked.display else None,
        "found": looked.display or "No display: the app runs offscreen.",
        "todo": "" if looked.display else "Start it from the desktop to see it.",
    }
    method = looked.input_method
    fcitx = "fcitx" in method
    typing = {
        "name": "input method",
        "passed": None if fcitx else True,
        "found": method or "none",
        "todo": "Under fcitx5 Chinese is typed through its ibus mode; scans and amounts are not affected."
        if fcitx
        else "",
    }
    damaged = [
        {"name": "settings", "passed": None, "found": str(trouble), "todo": "Sales go on with what can be read."}
        for trouble in looked.settings
    ]
    return [display, typing, *damaged]


def _device(device: DeviceSeen) -> dict[str, Any]:
    from guitai import device_words as words

    return {
        "uri": device.uri,
        "kind": device.kind,
        "role": device.role,
        "title": device.title,
        "usable": device.usable,
        "why": words.WHY[device.reason] if device.reason is not None else "",
        "todo": words.TODO[device.hint] if device.hint is not None else "",
    }


def _print(folder: Path, checks: list[dict[str, Any]], devices: list[dict[str, Any]], message: str) -> None:
    from drivers.scanner.seen import DeviceRole
    from guitai import device_words as words

    click.echo(f"Data folder: {folder}")
    for check in checks:
        click.echo(f"{_MARKS[check['passed']]}  {check['name']:13} {check['found']}")
        if check["todo"] and check["passed"] is not True:
            click.echo(f"{'':20}{check['todo']}")
    click.echo(f"Devices: {len(devices)}" if devices else "Devices: none seen. Guns that type as keyboards need none.")
    for device in devices:
        mark = _MARKS[True] if device["usable"] and device["role"] is not DeviceRole.OTHER else "-   "
        click.echo(f"{mark}  {device['uri']}  ({words.ROLE[device['role']]})")
        click.echo(f"{'':6}{device['title']}" + (f": {device['why']}" if device["why"] else ""))
        if device["todo"]:
            click.echo(f"{'':6}{device['todo']}")
    click.echo(message)


# --- one test scan ---------------------------------------------------------------------------------------------------


def _test_scan(folder: Path, uri: str, wait_s: float, as_json: bool) -> int:
    from drivers.scanner.uri import BadScannerUri
    from guitai.device_words import device_stop, uri_stop
    from terminal.live.one_scan import NamedScan, NothingRead, NotReady, read_one_scan
    from terminal.live.settings import read_device_settings

    def opened(title: str) -> None:
        click.echo(f"{title} is open. Scan any code; it is read, never charged.", err=True)

    ranges = read_device_settings(folder).ranges
    found = read_one_scan(uri, ranges=ranges, wait_s=wait_s, opened=opened)
    match found:
        case BadScannerUri():
            raise uri_stop(found)
        case NotReady():
            raise device_stop(uri, found.status)
        case NothingRead():
            raise CommandStop(
                Exit.DEVICE,
                reason=Reason.NO_SCAN,
                message=f"{uri} is open, but nothing was read.",
                hint="Is the gun set to the mode of this URI? Its manual has the set-up barcodes.",
            )
        case NamedScan():
            return _name(uri, found, as_json)


def _name(uri: str, scan: NamedScan, as_json: bool) -> int:
    from guitai import device_words as words
    from guitai import wording

    if scan.wallet is not None:
        what = f"A payment code of {scan.wallet}, {scan.hint}. Not charged."
    elif scan.noise is not None:
        what = words.NOISE[scan.noise]
    else:
        assert scan.refusal is not None, "a scan is a payment code, noise or something else with a name"
        what = f"{wording.text(f'scan.{scan.refusal.value}')}."
    if not as_json:
        click.echo(f"{what} ({scan.length} characters{', ' + scan.symbology if scan.symbology else ''})")
        return int(Exit.DONE)
    answer = {
        "uri": uri,
        "payment_code": scan.wallet is not None,
        "wallet": scan.wallet,
        "hint": scan.hint,
        "is": scan.refusal or scan.noise or "payment_code",
        "length": scan.length,
        "symbology": scan.symbology,
        "reason": Reason.DONE,
        "message": what,
    }
    click.echo(json.dumps(answer, ensure_ascii=False))
    return int(Exit.DONE)
