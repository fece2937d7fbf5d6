//! The report: the JSON document of RFC 8460 section 4.
