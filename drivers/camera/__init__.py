"""Cameras as scanners: pictures in, codes out, believed only when two pictures agree.

Wired like every scanner: the opener gives a transport that captures and decodes, the pure parser decides what to
believe. Nothing heavy is imported before a camera is opened. Knows no money, no Qt.
"""

from drivers.camera.device import make_parser, open_device

__all__ = ["make_parser", "open_device"]
