//! See `tlsrptd_fuzz::maps`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::maps::check(bytes));
