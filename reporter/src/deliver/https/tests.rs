//! A scripted HTTPS server on loopback.
