//! The DNS record that says where the report goes (RFC 8460 section 3).
