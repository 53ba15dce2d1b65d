use super::*;

/// The key that this seed makes.
fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn head() -> Head {
    Head {
        origin: "chancery.example/log".into(),
        size: 7,
        root: [9; 32],
    }
}

#[test]
fn the_note_of_the_specification_is_good() {
    // C2SP signed-note, its example; the key is that of Go's sum.golang.org/x/mod/sumdb/note.
    let key = NoteKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        .unwrap();
    assert_eq!(
        key.to_string(),
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    );
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let signature = Signature::parse(line).unwrap();
    assert!(signature.is_of(&key));
    assert!(key.signed(text, &signature.octets));
    assert!(!key.signed(&text.replace("answer", "question"), &signature.octets));
    assert_eq!(signature.to_string(), line);
}

#[test]
fn a_head_is_read_as_it_was_signed() {
    let (note, verifier) = head().sign(&key(1)).unwrap();
    let text = note.to_string();
    assert!(text.starts_with("chancery.example/log\n7\nCQkJ"), "{text}");
    assert!(
        text.contains("\n\n\u{2014} chancery.example/log "),
        "{text}"
    );
    let read = Note::parse(&text).unwrap();
    assert_eq!(read, note);
    assert!(read.is_signed_by(&verifier));
    assert_eq!(NoteKey::parse(&format!(" {verifier}\n")).unwrap(), verifier);

    let other = NoteKey::of("chancery.example/log", &key(2)).unwrap();
    assert!(!read.is_signed_by(&other));
    let another_name = NoteKey::of("chancery.example/other", &key(1)).unwrap();
    assert!(!read.is_signed_by(&another_name));
    for (from, to) in [("\n7\n", "\n8\n"), ("example", "examplf"), ("CQkJ", "CQkI")] {
        let touched = Note::parse(&text.replacen(from, to, 1)).unwrap();
        assert!(!touched.is_signed_by(&verifier), "{touched}");
    }
}

#[test]
fn what_is_not_a_note_is_refused() {
    let (note, verifier) = head().sign(&key(1)).unwrap();
    let text = note.to_string();
    for no in [
        "",
        "\n\n",
        text.trim_end(),
        &text.replacen("\n\n", "\n", 1),
        &text.replacen("\n7\n", "\n07\n", 1),
        &text.replacen("\n7\n", "\n-7\n", 1),
        &text.replacen("\n7\n", "\n", 1),
        &text.replacen("\u{2014} ", "- ", 1),
        &text.replacen("CQkJ", "CQ", 1),
        &format!("{text}\n"),
    ] {
        assert_eq!(Note::parse(no), Err(NoteError::NotANote), "{no:?}");
    }
    let key = verifier.to_string();
    for no in [
        "",
        "a+b",
        &key.replacen("+", "+0", 1),
        &key[..key.len() - 4],
        &key.replacen("example", "examplf", 1),
    ] {
        assert_eq!(NoteKey::parse(no), Err(NoteError::NotAKey), "{no:?}");
    }
    for origin in ["", "a b", "a+b", "a\nb", "ä"] {
        let head = Head {
            origin: origin.into(),
            ..head()
        };
        assert_eq!(
            head.sign(&super::tests::key(1)).unwrap_err(),
            NoteError::NotAName
        );
    }
}

#[test]
fn a_witness_that_is_known_signs_beside_the_log() {
    let (mut note, verifier) = head().sign(&key(1)).unwrap();
    let witness = NoteKey {
        name: "witness.example".into(),
        kind: Kind::Cosignature,
        public: key(3).public_key().as_ref().try_into().unwrap(),
    };
    assert_eq!(NoteKey::parse(&witness.to_string()).unwrap(), witness);
    let time = 1_767_225_600_u64;
    let signed = format!("cosignature/v1\ntime {time}\n{}", note.text);
    let line = Signature {
        name: witness.name.clone(),
        key_id: witness.id(),
        octets: [&time.to_be_bytes(), key(3).sign(signed.as_bytes()).as_ref()].concat(),
    };
    let mut touched = line.clone();
    touched.octets[7] ^= 1;
    let copy = |line: &Signature| Note::parse(&format!("{note}{line}\n")).unwrap();
    let (good, bad) = (copy(&line), copy(&touched));
    assert!(good.is_signed_by(&witness) && good.is_signed_by(&verifier));
    assert!(!bad.is_signed_by(&witness));

    let witnesses = [witness];
    assert!(note.take_signatures(&bad, &witnesses).is_empty());
    assert!(note.take_signatures(&good, &[]).is_empty());
    assert_eq!(note.take_signatures(&good, &witnesses), ["witness.example"]);
    assert!(note.take_signatures(&good, &witnesses).is_empty(), "once");
    assert_eq!(note, good);
    let line = note.line_of("witness.example").unwrap();
    let (alone, _) = head().sign(&key(1)).unwrap();
    assert_eq!(alone.with_line(&line).unwrap(), good);
    let other = Head { size: 8, ..head() };
    let (mut other, _) = other.sign(&key(1)).unwrap();
    assert!(other.take_signatures(&good, &witnesses).is_empty());
}
