//! A scripted relay on loopback.
