"""Alipay on the open platform's `gateway.do`: RSA2 signatures, public parameters, one signed node per answer."""
