//! Part of tlsrptd, the sending side of SMTP TLS Reporting (RFC 8460).
