//! See `tlsrptd_fuzz::fetch`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::fetch::check(bytes));
