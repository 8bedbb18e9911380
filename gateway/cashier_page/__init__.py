"""The aggregated cashier page behind `/q/{token}`: one QR for every wallet."""
