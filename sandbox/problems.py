"""How the sandbox says no: problem answers (RFC 9457) to its control calls, and the error of its environment."""

from starlette.responses import JSONResponse


class SandboxError(Exception):
    """The sandbox cannot start. `reason` is for programs, the text says what happened, `hint` what to do."""

    def __init__(self, reason: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.hint = hint


def problem(status: int, reason: str, title: str, detail: str) -> JSONResponse:
    """`reason` never changes its meaning; `detail` is a sentence for people."""
    body = {"type": "about:blank", "title": title, "status": status, "reason": reason, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
