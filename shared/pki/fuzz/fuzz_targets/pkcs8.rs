#![no_main]

mod parsers;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    parsers::with_every_passphrase(parsers::pkcs8, file);
});
