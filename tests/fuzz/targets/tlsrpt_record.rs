//! See `tlsrptd_fuzz::tlsrpt_record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tlsrptd_fuzz::tlsrpt_record::check(bytes));
