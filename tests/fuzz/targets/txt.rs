//! See `tlsrptd_fuzz::txt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::txt::check(bytes));
