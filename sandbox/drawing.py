"""Draws a payment code as phones do: a QR and a Code 128 bar code, both as SVG. Pure.

The one place that touches the untyped QR library.
"""

import qrcode

_QUIET = 2

# ISO/IEC 15417: bar and space widths of the symbol characters 0 to 105, then of the stop character.
_WIDTHS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221"
    "223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321"
    "112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131"
    "311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114"
    "122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141"
    "214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232"
)
_PATTERNS = tuple(_WIDTHS[i : i + 6] for i in range(0, len(_WIDTHS), 6))
_STOP = "2331112"
_START_C = 105
_TO_B = 100


def qr_svg(text: str) -> str:
    """The text as a QR, one unit per module, black on nothing."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    size = len(rows)
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return _svg(size, size, path, "qr")


def bars_svg(digits: str) -> str:
    """The digits as a Code 128 symbol: pairs in set C, an odd last digit in set B."""
    widths = "".join(_PATTERNS[value] for value in code128_values(digits)) + _STOP
    x = 0
    path = ""
    for index, width in enumerate(map(int, widths)):
        if index % 2 == 0:
            path += f"M{x} 0h{width}v40h-{width}z"
        x += width
    return _svg(x, 40, path, "bars")


def code128_values(digits: str) -> list[int]:
    """Symbol characters from the start to the check character."""
    even = len(digits) - len(digits) % 2
    values = [_START_C, *(int(digits[i : i + 2]) for i in range(0, even, 2))]
    if even < len(digits):
        values += [_TO_B, ord(digits[-1]) - 32]
    check = values[0] + sum(position * value for position, value in enumerate(values[1:], 1))
    return [*values, check % 103]


def _svg(width: int, height: int, path: str, name: str) -> str:
    box = f"{-_QUIET} {-_QUIET} {width + 2 * _QUIET} {height + 2 * _QUIET}"
    return (
        f'<svg class="{name}" viewBox="{box}" preserveAspectRatio="none" shape-rendering="crispEdges" '
        f'xmlns="http://www.w3.org/2000/svg" aria-hidden="true"><path fill="#111" d="{path}"/></svg>'
    )
