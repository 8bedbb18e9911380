"""The line to one account's wallet: what the account says about TLS, made into an `Exchange` on real sockets.

An authority or a client certificate that does not load is an AccountError, like every other fault of an account: it
must be caught where the account is opened. It must not know requests or wallets.
"""

from __future__ import annotations

import ssl

from gateway.channels.account import ChannelAccount
from gateway.channels.http import ClientCertificate, ClientCertificateUnusable, HttpExchange


def open_line(account: ChannelAccount) -> HttpExchange:
    """For every call of this account, those of its page included. Raises AccountError."""
    certificate = account.optional("client_certificate")
    key = account.optional_secret("private_key")
    shown = None
    if certificate is not None and key is not None:
        shown = ClientCertificate(certificate_pem=certificate, private_key=key)
    try:
        return HttpExchange(trusted_ca_pem=account.trusted_ca, client_certificate=shown)
    except ClientCertificateUnusable as bad:
        raise account.error("client_certificate", str(bad)) from None
    except (ssl.SSLError, TypeError, ValueError):
        raise account.error("trusted_ca", "must be the authority's certificate, PEM") from None
