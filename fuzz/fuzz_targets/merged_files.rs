#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickety_testkit::fuzzing::merged_files(bytes));
