"""A camera through the real capture path: files made by OpenCV, read by the real decoders and the real supervisor."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import qrcode
import zxingcpp
from numpy.typing import NDArray

from drivers.camera.capture import CameraTransport
from drivers.camera.decoders import DecoderChain, Zbar, Zxing, installed_decoders
from drivers.camera.device import CameraLibraries, CameraOpener, load_libraries
from drivers.camera.parsers.readings import Reading, decode_picture
from drivers.camera.pictures import open_pictures
from drivers.camera.source import PicturesEnded, Preview
from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, HintKey, Scan, StatusReason
from drivers.scanner.ports import Disconnected, Opened, OpenRefused
from drivers.scanner.start import RunningScanner, start_scanner
from drivers.scanner.uri import ScannerUri, parse_scanner_uri

Grey = NDArray[np.uint8]

WECHAT, ALIPAY = "134567890123456789", "284567890123456789"

# Widths of bar, space, bar ... of each Code 128 value (ISO/IEC 15417).
CODE128_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
)
CODE128 = CODE128_WIDTHS.split()
EAN_LEFT = "0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011"
EAN_PARITY = "LLLLLL LLGLGG LLGGLG LLGGGL LGLLGG LGGLLG LGGGLL LGLGLG LGLGGL LGGLGL"
START_C, STOP = 105, 106


def code128(digits: str, module_px: int, height: int = 90) -> Grey:
    """Draw an even number of digits as Code 128, set C, with its quiet zone."""
    values = [START_C, *(int(digits[i : i + 2]) for i in range(0, len(digits), 2))]
    check = (START_C + sum(position * value for position, value in enumerate(values[1:], start=1))) % 103
    widths = "".join(CODE128[value] for value in (*values, check, STOP))
    row = [255] * 10
    for index, width in enumerate(widths):
        row += [0 if index % 2 == 0 else 255] * int(width)
    line = np.array(row + [255] * 10, dtype=np.uint8)
    return np.tile(np.repeat(line, module_px), (height, 1))


def ean13(digits: str, module_px: int) -> Grey:
    """Draw an EAN-13 (ISO/IEC 15420) with its quiet zone."""
    left = EAN_LEFT.split()
    parity = EAN_PARITY.split()[int(digits[0])]
    right = ["".join("10"[int(bit)] for bit in code) for code in left]
    first = "".join(
        left[int(d)] if kind == "L" else right[int(d)][::-1] for d, kind in zip(digits[1:7], parity, strict=True)
    )
    bits = "101" + first + "01010" + "".join(right[int(digit)] for digit in digits[7:]) + "101"
    line = np.array([255] * 10 + [0 if bit == "1" else 255 for bit in bits] + [255] * 10, dtype=np.uint8)
    return np.tile(np.repeat(line, module_px), (90, 1))


def qr(text: str, module_px: int) -> Grey:
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    code.make(fit=True)
    cells = np.array(code.get_matrix(), dtype=bool)
    small = np.where(cells, 0, 255).astype(np.uint8)
    return np.kron(small, np.ones((module_px, module_px), np.uint8))


def scene(code: Grey | None, *, blur: float = 0.8) -> Grey:
    """A code on a dim 720p picture, a little out of focus."""
    picture = np.full((720, 1280), 90, np.uint8)
    if code is not None:
        height, width = code.shape
        picture[200 : 200 + height, 300 : 300 + width] = code
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), dtype=np.uint8)


def texts(readings: Sequence[Reading]) -> list[str]:
    return [one.text for one in readings]


PICTURES: dict[str, Callable[[], Grey]] = {
    "QR": lambda: scene(qr(WECHAT, 5)),
    "QR turned": lambda: np.ascontiguousarray(np.rot90(scene(qr(WECHAT, 5)))),
    "Code 128": lambda: scene(code128(WECHAT, 3)),
    "Code 128 turned": lambda: np.ascontiguousarray(np.rot90(scene(code128(WECHAT, 3)))),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
@pytest.mark.parametrize("make", [Zxing, Zbar])
def test_each_decoder_reads_each_kind_alone(picture: Callable[[], Grey], make: Callable[[], Zxing | Zbar]) -> None:
    """Both readers read both symbologies, upright and turned by a quarter, and nothing in an empty picture."""
    assert texts(make().decode(picture())) == [WECHAT]
    assert make().decode(scene(None)) == []


def test_other_symbologies_are_not_looked_for() -> None:
    """A goods barcode (EAN-13) in the picture is no reading at all."""
    picture = scene(ean13("6901234567892", 3))
    assert texts(zxingcpp_all(picture)) == ["6901234567892"]
    assert installed_decoders().decode(picture) == []


def zxingcpp_all(picture: Grey) -> list[Reading]:
    return [Reading(text=one.text, aim_id="") for one in zxingcpp.read_barcodes(picture)]


class Blind:
    """A decoder that finds nothing in grey pictures, only in black and white ones."""

    def __init__(self, found: Reading) -> None:
        self.found = found
        self.seen = list[bool]()

    def decode(self, picture: Grey) -> list[Reading]:
        flat = set(np.unique(picture).tolist()) <= {0, 255}
        self.seen.append(flat)
        return [self.found] if flat else []


def test_the_chain_thresholds_only_when_all_have_failed() -> None:
    """First everybody on the picture as it is, then everybody on the thresholded one; the first find ends it."""
    first, second = Blind(Reading(text=WECHAT, aim_id="]Q1")), Blind(Reading(text=ALIPAY, aim_id="]Q1"))
    assert texts(DecoderChain((first, second)).decode(scene(qr(WECHAT, 5)))) == [WECHAT]
    assert (first.seen, second.seen) == ([False, True], [False])


def test_a_reading_of_thin_bars_is_not_taken() -> None:
    """A Code 128 too small to be trusted counts as not read, by any decoder."""
    thin = Blind(Reading(text=WECHAT, aim_id="]C0", length_px=150))
    assert DecoderChain((thin,)).decode(scene(None)) == []


def test_thresholding_reads_under_glare() -> None:
    """A lamp mirrored on the screen, which defeats both decoders on the picture as it is, is read all the same."""
    code = qr(ALIPAY, 3)
    down, across = np.mgrid[0:720, 0:1280]
    lamp_at = 300 + code.shape[1] / 3, 200 + code.shape[0] / 3
    lamp = 220 * np.exp(-((across - lamp_at[0]) ** 2 + (down - lamp_at[1]) ** 2) / (2 * 40**2))
    picture = np.clip(scene(code, blur=1.0) * 0.6 + lamp, 0, 255).astype(np.uint8)
    assert [Zxing().decode(picture), Zbar().decode(picture)] == [[], []]
    assert texts(installed_decoders().decode(picture)) == [ALIPAY]


class Receiver:
    """Keeps events and waits."""

    def __init__(self) -> None:
        self.events: list[DeviceEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: DeviceEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, there: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(there, 15), self.events

    @property
    def scans(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Scan)]

    @property
    def reasons(self) -> list[StatusReason | None]:
        return [event.reason for event in self.events if isinstance(event, DeviceStatus)]


def start(path: Path, receiver: Receiver) -> RunningScanner:
    scanner = start_scanner(f"camera:{path}", receiver)
    assert isinstance(scanner, RunningScanner)
    return scanner


@pytest.mark.parametrize("kind", ["QR", "Code 128"])
def test_an_image_file_is_one_scan(kind: str, tmp_path: Path) -> None:
    """An image is looked at again and again: confirmed at the second look, told once."""
    path = tmp_path / "phone.png"
    assert cv2.imwrite(str(path), PICTURES[kind]())
    receiver = Receiver()
    scanner = start(path, receiver)
    try:
        receiver.wait_for(lambda: bool(receiver.scans))
        assert scanner.status.state is DeviceState.READY
    finally:
        scanner.close()
    assert receiver.scans == [WECHAT]
    (scan,) = [event for event in receiver.events if isinstance(event, Scan)]
    assert scan.symbology == {"QR": "qr", "Code 128": "code128"}[kind]


def test_a_video_is_read_to_its_end(tmp_path: Path) -> None:
    """Each code of a video is one scan, one seen in a single picture is none, and then the state says it has ended."""
    path = tmp_path / "counter.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (1280, 720))
    wechat, alipay, once = scene(qr(WECHAT, 5)), scene(code128(ALIPAY, 3)), scene(qr("62" + "1" * 17, 5))
    for picture in [scene(None)] * 2 + [wechat] * 4 + [once] + [scene(None)] * 2 + [alipay] * 4:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    receiver = Receiver()
    scanner = start(path, receiver)
    try:
        receiver.wait_for(lambda: StatusReason.END_OF_INPUT in receiver.reasons)
    finally:
        scanner.close()
    assert receiver.scans == [WECHAT, ALIPAY]
    assert scanner.status.state is DeviceState.ERROR


class Lens:
    """A live camera whose pictures the test gives."""

    period_ms: int | None = None

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.taken = 0
        self._pictures: list[Grey | Exception] = []
        self._changed = threading.Condition()

    def show(self, *pictures: Grey | Exception) -> None:
        with self._changed:
            self._pictures += pictures
            self._changed.notify_all()

    def wait_until_taken(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.taken >= count, 5)

    def next(self) -> Grey:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self._pictures), 5)
            picture = self._pictures.pop(0)
            self.taken += 1
            self._changed.notify_all()
        if isinstance(picture, Exception):
            raise picture
        return picture

    def close(self) -> None:
        self.closed.set()


class Levels:
    """A decoder that reads the brightness of the picture."""

    def decode(self, picture: Grey) -> list[Reading]:
        return [Reading(text=str(int(picture[0, 0])), aim_id="")]


def flat(level: int) -> Grey:
    return np.full((4, 6), level, np.uint8)


def test_only_the_newest_picture_is_decoded() -> None:
    """Pictures that came while nobody looked are dropped, and a lost camera is `Disconnected` and let go."""
    lens, shown = Lens(), list[Preview]()
    transport = CameraTransport(lens, Levels(), shown.append)
    lens.show(*(flat(level) for level in range(1, 31)))
    lens.wait_until_taken(30)
    lens.show(flat(99))
    lens.wait_until_taken(31)
    lens.show(Disconnected("pulled"))
    lens.wait_until_taken(32)
    assert texts(decode_picture(transport.read(5_000))) == ["99"]
    assert lens.closed.wait(5)
    with pytest.raises(Disconnected):
        [transport.read(200) for _ in range(2)]  # the first may be the pause between two pictures
    assert shown == [Preview(width=6, height=4, pixels=bytes([99]) * 24)]
    transport.close()
    transport.close()
    with pytest.raises(Disconnected):
        transport.read(1)


def test_a_flush_drops_the_picture_that_waits() -> None:
    """A picture from before the sale armed is not read."""
    lens = Lens()
    transport = CameraTransport(lens, Levels())
    lens.show(flat(5), flat(6))
    lens.wait_until_taken(2)
    lens.show(PicturesEnded())
    assert lens.closed.wait(5)
    transport.flush_input()
    with pytest.raises(Disconnected):
        transport.read(1_000)
    assert transport.ended
    transport.close()


def opened(path: str) -> OpenRefused | None:
    result = open_pictures(path)
    if isinstance(result, OpenRefused):
        return result
    result.close()
    return None


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """No camera, no file, a broken image and a broken video are told apart, without a word on stderr."""
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    wanted = {
        "987": (StatusReason.NOT_FOUND, HintKey.PLUG_IN),
        "/dev/video987": (StatusReason.NOT_FOUND, HintKey.PLUG_IN),
        str(tmp_path / "none.png"): (StatusReason.NOT_FOUND, HintKey.CHECK_URI),
        str(tmp_path / "broken.png"): (StatusReason.OPEN_FAILED, HintKey.CHECK_URI),
        str(tmp_path / "empty.png"): (StatusReason.OPEN_FAILED, HintKey.CHECK_URI),
        str(tmp_path / "broken.mp4"): (StatusReason.OPEN_FAILED, HintKey.CHECK_URI),
    }
    for path, expected in wanted.items():
        refused = opened(path)
        assert refused is not None, path
        assert (refused.reason, refused.hint) == expected, path


def test_without_the_libraries_the_device_says_so() -> None:
    """A terminal without the camera extra starts all the same and names what is missing."""

    def missing() -> CameraLibraries:
        raise ImportError(name="cv2")

    uri = parse_scanner_uri("camera:0")
    assert isinstance(uri, ScannerUri)
    result = CameraOpener(uri, load=missing).open()
    assert isinstance(result, OpenRefused)
    assert (result.reason, result.detail) == (StatusReason.LIBRARY_MISSING, "cv2")


def test_nothing_heavy_is_imported_before_a_camera_is_opened() -> None:
    """A terminal without camera pays neither time nor memory for OpenCV."""
    look = (
        "import sys, drivers.camera as c, drivers.inventory as i\n"
        "from drivers.scanner.uri import parse_scanner_uri as p\n"
        "c.open_device(p('camera:0')), c.make_parser(p('camera:0')), i.list_devices\n"
        "sys.exit(bool({'cv2', 'numpy', 'zxingcpp', 'pyzbar'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", look], cwd=root, check=False).returncode == 0


def test_a_new_opening_follows_a_loss() -> None:
    """After a camera was lost it is opened anew; only a file that has ended stays closed."""
    lenses = [Lens(), Lens()]

    def next_lens(path: str) -> Lens:
        assert path == "0"
        return lenses.pop(0)

    libraries = CameraLibraries(open_pictures=next_lens, decoder=Levels())
    uri = parse_scanner_uri("camera:0")
    assert isinstance(uri, ScannerUri)
    opener = CameraOpener(uri, load=lambda: libraries)
    for _ in range(2):
        lens, result = lenses[0], opener.open()
        assert isinstance(result, Opened)
        lens.show(Disconnected("pulled"))
        with pytest.raises(Disconnected):
            result.transport.read(5_000)
        result.transport.close()
    assert load_libraries().open_pictures is open_pictures
