"""Which channel account takes a payment: by the wallet of the scanned code, or the merchant's default for a QR."""
