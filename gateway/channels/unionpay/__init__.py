"""UnionPay's ACP 5.1.0 (全渠道): signed forms over `backTransReq.do`, answers as plain un-encoded text, certificates
inside each answer that chain to UnionPay's own root."""
