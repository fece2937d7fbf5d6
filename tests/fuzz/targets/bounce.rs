//! See `tlsrptd_fuzz::bounce`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::bounce::check(bytes));
