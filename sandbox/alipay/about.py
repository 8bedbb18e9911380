"""`GET /merchant/alipay`: what an outside SDK needs to trade with the sandbox. Sandbox keys only."""

from collections.abc import Mapping

from sandbox.alipay.certificates import certificate_pem
from sandbox.alipay.merchant import Merchant, pkcs1_pem, pkcs8_pem, public_pem
from sandbox.wallet import Origins

GATEWAY_PATH = "/alipay/gateway.do"
AUTHORIZE_PATH = "/oauth2/publicAppAuthorize.htm"


def about_merchant(merchant: Merchant, origins: Origins) -> Mapping[str, object]:
    chain = merchant.chain
    return {
        "wallet": "alipay",
        "gateway_url": origins.plain + GATEWAY_PATH,
        "authorize_url": origins.plain + AUTHORIZE_PATH,
        "app_id": merchant.app_id,
        "seller_id": merchant.seller_id,
        "pid": merchant.seller_id,
        "sign_type": "RSA2",
        "app_auth_token": merchant.app_auth_token,
        "merchant_private_key_pkcs1_pem": pkcs1_pem(merchant.merchant_key),
        "merchant_private_key_pkcs8_pem": pkcs8_pem(merchant.merchant_key),
        "merchant_public_key_pem": public_pem(merchant.merchant_key.public_key()),
        "alipay_public_key_pem": public_pem(merchant.wallet_key.public_key()),
        "app_certificate_pem": None if chain is None else certificate_pem(chain.application),
        "alipay_certificate_pem": None if chain is None else certificate_pem(chain.wallet),
        "alipay_root_certificate_pem": None if chain is None else certificate_pem(chain.root),
    }
