//! Signatures, verified by others.
