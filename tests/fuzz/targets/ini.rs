//! See `tlsrptd_fuzz::ini`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::ini::check(bytes));
