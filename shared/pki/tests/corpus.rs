//! The seeds of the fuzz targets and what is near them, through every parser: whatever it is, it is answered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fs, path::Path};

use pki::import;

#[path = "../fuzz/fuzz_targets/parsers.rs"]
mod parsers;

use parsers::{PARSERS, PASSPHRASE, with_every_passphrase};

/// The seeds of a target.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let files = fs::read_dir(folder.join(target)).unwrap();
    let mut seeds: Vec<(String, Vec<u8>)> = files
        .map(|file| file.unwrap())
        .map(|file| {
            let name = format!("{target}/{}", file.file_name().to_str().unwrap());
            (name, fs::read(file.path()).unwrap())
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "no seeds for {target}");
    seeds
}

fn all_seeds() -> Vec<(String, Vec<u8>)> {
    PARSERS
        .iter()
        .flat_map(|(target, _)| seeds(target))
        .collect()
}

#[test]
fn every_seed_through_every_parser() {
    let seeds = all_seeds();
    let octets: usize = seeds.iter().map(|(_, file)| file.len()).sum();
    assert!(octets < 1024 * 1024, "the corpus has {octets} octets");
    for (_, file) in seeds {
        for (_, parser) in PARSERS {
            with_every_passphrase(parser, &file);
        }
    }
}

/// What the seeds hold is known: that they are read shows that they reach the parsers at all.
#[test]
fn every_seed_is_what_its_name_says() {
    for (name, file) in all_seeds() {
        let passphrase = match name.contains("empty") {
            true => "",
            false => PASSPHRASE,
        };
        let answer = match import::read(&file, Some(passphrase)) {
            Ok(_) => "read",
            Err(error) => error.reason(),
        };
        let expected = match name.as_str() {
            "pkcs8/test-only-secp256k1.der" => "KEY_UNSUPPORTED",
            "pkcs7/test-only-empty.p7b" | "pkcs7/test-only-encrypted.p7m" => "NOTHING_TO_IMPORT",
            "pem/test-only-request.pem" => "NOTHING_TO_IMPORT",
            _ if name.starts_with("csr/") => "NOTHING_TO_IMPORT",
            _ => "read",
        };
        assert_eq!(answer, expected, "{name}");
    }
}

#[test]
fn every_seed_cut_off_anywhere() {
    for (name, file) in all_seeds() {
        // Each length of a short file, and no more than two hundred of a long one.
        for length in (0..file.len()).step_by(file.len().div_ceil(200)) {
            let cut = &file[..length];
            // Text may lack its last line, and be read all the same.
            if !name.contains("pem") && !name.contains("base64") {
                assert!(import::read(cut, None).is_err(), "{name} at {length}");
            }
            for (_, parser) in PARSERS {
                parser(cut, None);
            }
        }
    }
}

#[test]
fn every_seed_with_its_bits_flipped() {
    let mut random = Random(0x5eed);
    for (_, file) in all_seeds() {
        for round in 0..60 {
            let mut file = file.clone();
            for _ in 0..=round % 4 {
                let at = random.below(file.len());
                file[at] ^= 1 << random.below(8);
            }
            for (_, parser) in PARSERS {
                parser(&file, None);
            }
            // With locks to try, which takes longer.
            if round < 4 {
                import::read(&file, Some(PASSPHRASE)).ok();
            }
        }
    }
}

#[test]
fn seeds_put_together_of_two() {
    let seeds = all_seeds();
    let mut random = Random(0x2_5eed);
    for _ in 0..1_000 {
        let (_, head) = &seeds[random.below(seeds.len())];
        let (_, tail) = &seeds[random.below(seeds.len())];
        let mut file = head[..random.below(head.len())].to_vec();
        file.extend_from_slice(&tail[random.below(tail.len())..]);
        for (_, parser) in PARSERS {
            parser(&file, None);
        }
    }
}

/// xorshift64: the same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
