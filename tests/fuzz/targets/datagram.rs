//! See `tlsrptd_fuzz::datagram`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::datagram::check(bytes));
