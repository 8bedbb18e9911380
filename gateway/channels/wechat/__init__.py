"""WeChat Pay: v2 (signed XML, mutual TLS for reverse and refund) for payment codes, v3 (signed JSON) for the rest."""
