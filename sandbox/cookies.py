"""The cookies of one browser, kept by origin and path as its pages set them. Pure: no cookie outlives the browser.

Enough for a shop's page on one host: a domain, `SameSite` and the lock of https are not modelled. Values stay out of
repr: a cookie is a session.
"""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit


class Jar:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], str] = {}
        """By origin, path and name."""

    def take(self, url: str, set_cookies: tuple[str, ...]) -> None:
        """What an answer from that address sets, or clears."""
        for text in set_cookies:
            try:
                read = SimpleCookie(text)
            except CookieError:
                continue
            for name, morsel in read.items():
                path = morsel["path"] if morsel["path"].startswith("/") else _folder(url)
                key = (_origin(url), path, name)
                if morsel["max-age"] in {"0", "-1"} or not morsel.value:
                    self._kept.pop(key, None)
                else:
                    self._kept[key] = morsel.value

    def header(self, url: str) -> str:
        """The Cookie header for that address; empty: none is sent. The longest path comes first."""
        path = urlsplit(url).path or "/"
        fitting = [
            (kept_path, name, value)
            for (origin, kept_path, name), value in self._kept.items()
            if origin == _origin(url) and _covers(kept_path, path)
        ]
        fitting.sort(key=lambda one: -len(one[0]))
        return "; ".join(f"{name}={value}" for _, name, value in fitting)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _folder(url: str) -> str:
    """The path that a cookie without one belongs to (RFC 6265, 5.1.4)."""
    return urlsplit(url).path.rpartition("/")[0] or "/"


def _covers(kept: str, path: str) -> bool:
    return path == kept or path.startswith(kept if kept.endswith("/") else kept + "/")
