"""The gateway's line to one wallet account: `gateway.channels.port.Exchange` over the world's network.

The process may die before the wallet is called, and after it has answered.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from gateway.channels.port import ChannelRequest, ChannelResponse, NoAnswer, NotSent
from gateway.channels.verdicts import LineFault
from proof.asked import Asked, asked
from proof.simulation.calls import Call, Ended
from proof.simulation.mortal import Mortal
from proof.simulation.network import LineEnd, Reply, Wire
from proof.simulation.odd_wallet import OddWallet
from proof.simulation.processes import Process


class WalletLine:
    """See the module. `called` tells the judge, and is given how it ended."""

    def __init__(
        self,
        *,
        wire: Wire,
        odd: OddWallet,
        host: Mortal,
        process: Process,
        now_ms: Callable[[], int],
        called: Callable[[Asked], Call],
        trace: Callable[[str, str], None],
        account_id: str,
    ) -> None:
        self._account_id = account_id
        self._wire = wire
        self._odd = odd
        self._host = host
        self._process = process
        self._now_ms = now_ms
        self._called = called
        self._trace = trace

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        await self._host.await_point(self._process)
        about = replace(asked(request), account_id=self._account_id)
        call = self._called(about)
        reply = await self._wire.exchange(
            str(about),
            lambda then: self._odd.serve(about, request, then),
            connect_s=connect_timeout_ms / 1000,
            read_s=read_timeout_ms / 1000,
        )
        call.how, call.ended_ms = _ended(reply), self._now_ms()
        self._trace(f"wallet_{_shown(reply)}", str(about))
        await self._host.await_point(self._process)
        match reply:
            case Reply():
                self._odd.heard(reply.body)
                return ChannelResponse(status=reply.status, headers=reply.headers, body=reply.body)
            case LineEnd.REFUSED | LineEnd.NO_NAME:
                return NotSent(LineFault.CONNECT_FAILED)
            case LineEnd.CONNECT_TIMEOUT:
                return NotSent(LineFault.CONNECT_TIMEOUT)
            case LineEnd.CUT:
                return NoAnswer(LineFault.CUT)
            case LineEnd.READ_TIMEOUT:
                return NoAnswer(LineFault.READ_TIMEOUT)


def _ended(reply: Reply | LineEnd) -> Ended:
    match reply:
        case Reply():
            return Ended.TRUE if reply.true else Ended.SPOILED
        case LineEnd.REFUSED | LineEnd.NO_NAME | LineEnd.CONNECT_TIMEOUT:
            return Ended.UNSENT
        case LineEnd.CUT | LineEnd.READ_TIMEOUT:
            return Ended.SILENT


def _shown(reply: Reply | LineEnd) -> str:
    return str(reply.status) if isinstance(reply, Reply) else reply.value
