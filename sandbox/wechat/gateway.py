"""`api.mch.weixin.qq.com`: opens the envelopes of v2 and v3, calls the method, seals its answer; certificates too.

Must not know: how an order is kept, web frameworks.
"""

from urllib.parse import parse_qs

from sandbox.wechat.beijing import rfc3339_stamp
from sandbox.wechat.bills import Bills
from sandbox.wechat.merchant import Certified, KeyMode, WechatMerchant, certificate_pem
from sandbox.wechat.signing import NONCE_BYTES, encrypt_gcm, new_nonce
from sandbox.wechat.v2_methods import V2Methods
from sandbox.wechat.v2_wire import Fields, SignType, V2Call, V2Refused, open_v2, refuse_v2, seal_v2, xml_answer
from sandbox.wechat.v3_methods import V3Methods
from sandbox.wechat.v3_wire import Done, Problem, V3Call, open_v3, refuse_v3, seal_v3
from sandbox.wire import Answer, CutConnection, HttpRequestParts, RandomBytes, Reply

_CERTIFICATE_DATA = "certificate"
_H5_PAGE = (
    "<!doctype html><html lang='zh-CN'><meta charset='utf-8'><title>微信支付（模拟）</title><p>{words}</p></html>"
)


class Gateway:
    def __init__(
        self, *, merchant: WechatMerchant, v2: V2Methods, v3: V3Methods, bills: Bills, random_bytes: RandomBytes
    ) -> None:
        self._merchant = merchant
        self._v2 = v2.by_path()
        self._v3 = v3
        self._bills = bills
        self._random_bytes = random_bytes

    def handle_v2(self, request: HttpRequestParts, now_ms: int) -> Reply:
        call = open_v2(request, self._merchant)
        if isinstance(call, V2Refused):
            return refuse_v2(call)
        match request.path:
            case "/pay/downloadbill":
                return _file_or_failure(self._bills.download_v2(call, now_ms))
            case "/pay/downloadfundflow":
                if call.sign_type is not SignType.HMAC_SHA256:
                    return refuse_v2(V2Refused(return_msg="sign_type应为HMAC-SHA256"))
                return _file_or_failure(self._bills.fund_flow_v2(call, now_ms))
            case path:
                return self._v2_answer(path, call, now_ms)

    def handle_v3(self, request: HttpRequestParts, now_ms: int) -> Reply:
        call = open_v3(request, self._merchant, now_ms)
        said = call if isinstance(call, Problem) else self._v3_answer(call, now_ms)
        if isinstance(said, Done):
            assert isinstance(call, V3Call)
            return seal_v3(said, call=call, merchant=self._merchant, random_bytes=self._random_bytes, now_ms=now_ms)
        return refuse_v3(said, self._random_bytes) if isinstance(said, Problem) else said

    def h5_page(self, request: HttpRequestParts, _now_ms: int) -> Answer:
        """The address that H5 gives out: a browser that comes from the shop's page may go on into the wallet."""
        known = "prepay_id" in parse_qs(request.query.decode("latin-1"))
        words = "正在打开微信支付" if known and request.headers.get("referer") else "商家参数格式有误，请联系商家解决"
        body = _H5_PAGE.format(words=words).encode("utf-8")
        return Answer(status=200, content_type="text/html; charset=utf-8", body=body)

    def _v2_answer(self, path: str, call: V2Call, now_ms: int) -> Reply:
        method = self._v2.get(path)
        if method is None:
            return refuse_v2(V2Refused(return_msg="接口不存在"))
        said = method(call, now_ms)
        if isinstance(said, CutConnection):
            return said
        return seal_v2(said, call.sign_type, self._merchant, self._random_bytes)

    def _v3_answer(self, call: V3Call, now_ms: int) -> Done | Problem | Answer | CutConnection:
        if (call.method, call.path) == ("GET", "/v3/certificates"):
            return self._certificates()
        said = self._v3.answer(call, now_ms)
        if said is None:
            said = self._bills.answer_v3(call, now_ms)
        return said or Problem(status=404, code="RESOURCE_NOT_EXISTS", message="请求的资源不存在")

    def _certificates(self) -> Done | Problem:
        if self._merchant.key_mode is KeyMode.PUBLIC_KEY:
            return Problem(status=404, code="RESOURCE_NOT_EXISTS", message="无可用的平台证书，请使用微信支付公钥")
        return Done(body={"data": [self._sealed(one) for one in self._merchant.platform]})

    def _sealed(self, platform: Certified) -> dict[str, object]:
        certificate = platform.certificate
        nonce = new_nonce(self._random_bytes, NONCE_BYTES)
        plain = certificate_pem(certificate).encode("ascii")
        key = self._merchant.api_v3_key
        return {
            "serial_no": platform.serial_no,
            "effective_time": rfc3339_stamp(int(certificate.not_valid_before_utc.timestamp()) * 1000),
            "expire_time": rfc3339_stamp(int(certificate.not_valid_after_utc.timestamp()) * 1000),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": _CERTIFICATE_DATA,
                "ciphertext": encrypt_gcm(key, plain, nonce=nonce, associated_data=_CERTIFICATE_DATA),
            },
        }


def _file_or_failure(said: Answer | Fields) -> Answer:
    return said if isinstance(said, Answer) else xml_answer(said)
