"""`GET /merchant/wechat`: what an outside SDK needs to trade with the sandbox. Sandbox keys only."""

from collections.abc import Mapping

from sandbox.wallet import Origins
from sandbox.wechat.identities import AUTHORIZE_PATH, TOKEN_PATH
from sandbox.wechat.merchant import KeyMode, WechatMerchant, certificate_pem, private_pem, public_pem


def about_merchant(merchant: WechatMerchant, origins: Origins) -> Mapping[str, object]:
    """`base_url` takes everything but what needs a client certificate; that is under `tls_base_url`."""
    platform = [
        {"serial_no": one.serial_no, "certificate_pem": certificate_pem(one.certificate)} for one in merchant.platform
    ]
    by_key = merchant.key_mode is not KeyMode.CERTIFICATES
    by_certificate = merchant.key_mode is not KeyMode.PUBLIC_KEY
    return {
        "wallet": "wechat",
        "base_url": origins.plain,
        "tls_base_url": origins.tls,
        "authorize_url": origins.plain + AUTHORIZE_PATH,
        "access_token_url": origins.plain + TOKEN_PATH,
        "appid": merchant.appid,
        "app_secret": merchant.app_secret,
        "mchid": merchant.mchid,
        "sub_appid": merchant.sub_appid,
        "sub_mchid": merchant.sub_mchid,
        "api_v2_key": merchant.api_v2_key,
        "api_v3_key": merchant.api_v3_key,
        "merchant_private_key_pem": private_pem(merchant.merchant.key),
        "merchant_certificate_pem": certificate_pem(merchant.merchant.certificate),
        "merchant_serial_no": merchant.merchant.serial_no,
        # v2's TLS takes the same certificate that signs v3.
        "client_certificate_pem": certificate_pem(merchant.merchant.certificate),
        "client_private_key_pem": private_pem(merchant.merchant.key),
        "ca_certificate_pem": certificate_pem(merchant.authority),
        "key_mode": merchant.key_mode.value,
        "public_key_id": merchant.public_key_id if by_key else None,
        "public_key_pem": public_pem(merchant.wallet_key.public_key()) if by_key else None,
        "platform_certificates": platform if by_certificate else [],
    }
