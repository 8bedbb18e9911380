"""`GET /merchant/unionpay`: what an outside SDK needs to trade with the sandbox. Sandbox keys only."""

import base64
from collections.abc import Mapping

from cryptography.x509.oid import NameOID

from sandbox.unionpay.identities import USER_AUTH_PATH
from sandbox.unionpay.merchant import PFX_PASSWORD, UnionpayMerchant, certificate_pem, pfx, private_pem
from sandbox.wallet import Origins

BACK_PATH = "/gateway/api/backTransReq.do"
QUERY_PATH = "/gateway/api/queryTrans.do"
FILE_PATH = "/unionpay/filedownload"
USER_ID_PATH = "/gateway/api/userId.do"


def about_merchant(merchant: UnionpayMerchant, origins: Origins) -> Mapping[str, object]:
    """`base_url` is the base in front of `/gateway/api/…`; UnionPay has the file on a host of its own."""
    signer = merchant.unionpay.certificate
    return {
        "wallet": "unionpay",
        "base_url": origins.plain,
        "back_url": origins.plain + BACK_PATH,
        "query_url": origins.plain + QUERY_PATH,
        "file_url": origins.plain + FILE_PATH,
        "authorize_url": origins.plain + USER_AUTH_PATH,
        "user_id_url": origins.plain + USER_ID_PATH,
        "mer_id": merchant.mer_id,
        "acq_ins_code": merchant.acq_ins_code,
        "sub_mer_id": merchant.sub_mer_id,
        "sub_mer_name": merchant.store_name,
        "sub_mer_abbr": merchant.store_name,
        "secret_key": merchant.secret_key,
        "cert_id": merchant.merchant.cert_id,
        "merchant_private_key_pem": private_pem(merchant.merchant.key),
        "merchant_certificate_pem": certificate_pem(merchant.merchant.certificate),
        "merchant_pfx_base64": base64.b64encode(pfx(merchant.merchant, merchant.mer_id)).decode("ascii"),
        "merchant_pfx_password": PFX_PASSWORD,
        "root_certificate_pem": certificate_pem(merchant.root),
        "middle_certificate_pem": certificate_pem(merchant.middle),
        "signer_certificate_pem": certificate_pem(signer),
        "signer_name": signer_name(merchant),
    }


def signer_name(merchant: UnionpayMerchant) -> str:
    """The third part of the signing certificate's CN."""
    (common_name,) = merchant.unionpay.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common_name.value).split("@")[2]
