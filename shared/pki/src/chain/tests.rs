//! Which path is found, among which candidates.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::*;

const NOW: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);

/// A name with a key: it may have any number of certificates.
struct Authority {
    name: String,
    key: KeyPair,
}

fn authority(name: &str) -> Authority {
    Authority {
        name: name.to_owned(),
        key: KeyPair::generate().unwrap(),
    }
}

impl Authority {
    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, &self.name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_before = NOW - Duration::DAY;
        params.not_after = NOW + Duration::DAY;
        params
    }

    fn root(&self) -> Certificate {
        self.certified_by(self, |_| {})
    }

    fn under(&self, issuer: &Authority) -> Certificate {
        self.certified_by(issuer, |_| {})
    }

    fn certified_by(
        &self,
        issuer: &Authority,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certificate {
        let mut params = self.params();
        change(&mut params);
        let issuer = Issuer::new(issuer.params(), &issuer.key);
        let certificate = params.signed_by(&self.key, &issuer).unwrap();
        Certificate::parse(certificate.der()).unwrap()
    }

    fn leaf(&self) -> Certificate {
        authority("shop.example").certified_by(self, |params| params.is_ca = IsCa::ExplicitNoCa)
    }
}

fn expired(params: &mut CertificateParams) {
    params.not_before = NOW - Duration::days(9);
    params.not_after = NOW - Duration::SECOND;
}

fn names(path: &Path) -> Vec<&str> {
    path.issuers
        .iter()
        .map(|c| c.common_name.as_str())
        .collect()
}

/// The same path, whatever the order of the candidates.
fn build(leaf: &Certificate, candidates: &[Certificate]) -> Path {
    let path = super::build(leaf, candidates, NOW);
    let mut shuffled = candidates.to_vec();
    for _ in 0..candidates.len() {
        shuffled.rotate_left(1);
        assert_eq!(super::build(leaf, &shuffled, NOW), path);
        shuffled.reverse();
        assert_eq!(super::build(leaf, &shuffled, NOW), path);
    }
    let mut whole = vec![leaf.clone()];
    whole.extend(path.issuers.iter().cloned());
    assert_eq!(check_order(&whole), Ok(()));
    path
}

#[test]
fn a_path_is_found_among_rubbish_and_ends_with_its_root() {
    let (root, middle, other) = (authority("Root"), authority("Middle"), authority("Other"));
    let leaf = middle.leaf();
    let candidates = [
        other.root(),
        leaf.clone(),
        root.root(),
        middle.leaf(),
        middle.under(&root),
        middle.under(&root),
    ];
    let path = build(&leaf, &candidates);
    assert_eq!(names(&path), ["Middle", "Root"]);
    assert!(path.is_complete(&leaf));
    assert_eq!(path.missing_issuer(&leaf), None);
    assert_eq!(path.looked_for.len(), 2);
}

#[test]
fn a_self_signed_leaf_needs_nobody() {
    let leaf = authority("Root").root();
    let path = build(&leaf, &[authority("Root").root()]);
    assert!(path.issuers.is_empty() && path.looked_for.is_empty() && path.is_complete(&leaf));
}

#[test]
fn an_issuer_that_is_not_there_is_named() {
    let (root, middle) = (authority("Root, the"), authority("Middle"));
    let url = "http://ca.example/root.cer";
    let access = [
        &[
            0x30, 40, 0x30, 38, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 26,
        ][..],
        url.as_bytes(),
    ];
    let access =
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access.concat());
    let above = middle.certified_by(&root, |params| params.custom_extensions.push(access));
    let leaf = middle.leaf();

    let path = build(&leaf, &[]);
    assert_eq!(path.missing_issuer(&leaf).unwrap().name, "CN=Middle");
    assert_eq!(path.looked_for, [leaf.issuer_der().to_vec()]);
    let path = build(&leaf, std::slice::from_ref(&above));
    let missing = path.missing_issuer(&leaf).unwrap();
    assert_eq!(missing.name, "CN=Root\\, the");
    assert_eq!(missing.ca_issuers_url.as_deref(), Some(url));
    assert!(!path.is_complete(&leaf));
    assert!(path.looked_for.contains(&above.issuer_der().to_vec()));
}

#[test]
fn a_name_without_the_signature_is_not_enough() {
    let (root, middle, impostor) = (authority("Root"), authority("Middle"), authority("Middle"));
    let leaf = middle.leaf();
    let candidates = [impostor.under(&root), root.root()];
    assert!(build(&leaf, &candidates).issuers.is_empty());
    let candidates = [impostor.under(&root), root.root(), middle.under(&root)];
    assert_eq!(build(&leaf, &candidates).issuers[0], candidates[2]);
}

#[test]
fn who_may_not_issue_is_passed_by() {
    let (root, middle) = (authority("Root"), authority("Middle"));
    let leaf = middle.leaf();
    let no_ca = middle.certified_by(&root, |params| params.is_ca = IsCa::ExplicitNoCa);
    let no_signer = middle.certified_by(&root, |params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    assert!(
        build(&leaf, &[no_ca, no_signer, root.root()])
            .issuers
            .is_empty()
    );
}

#[test]
fn a_path_length_is_kept_to() {
    let (root, upper, lower) = (authority("Root"), authority("Upper"), authority("Lower"));
    let leaf = lower.leaf();
    let limit = |max| {
        move |params: &mut CertificateParams| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(max));
        }
    };
    let short = upper.certified_by(&root, limit(0));
    let chain = [lower.certified_by(&upper, limit(0)), root.root()];
    let candidates = [&chain[..], std::slice::from_ref(&short)].concat();
    assert_eq!(names(&build(&leaf, &candidates)), ["Lower"]);
    assert_eq!(names(&build(&upper.leaf(), &candidates)), ["Upper", "Root"]);
    let candidates = [&chain[..], &[short, upper.certified_by(&root, limit(1))]].concat();
    let path = build(&leaf, &candidates);
    assert_eq!(names(&path), ["Lower", "Upper", "Root"]);
}

#[test]
fn a_self_issued_certificate_does_not_count_for_the_path_length() {
    let (root, old, new) = (authority("Root"), authority("Middle"), authority("Middle"));
    // A new key of the same authority, certified by its old one.
    let rollover = new.under(&old);
    let middle = old.certified_by(&root, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let leaf = new.leaf();
    let path = build(&leaf, &[root.root(), rollover, middle]);
    assert_eq!(names(&path), ["Middle", "Middle", "Root"]);
}

#[test]
fn of_cross_signs_the_shortest_way_to_a_root_is_gone() {
    let (old, new, middle) = (authority("Old"), authority("New"), authority("Middle"));
    let leaf = middle.leaf();
    let crossed = [middle.under(&new), new.under(&old), old.root()];
    assert_eq!(names(&build(&leaf, &crossed)), ["Middle", "New", "Old"]);
    let both = [&crossed[..], &[new.root()]].concat();
    assert_eq!(names(&build(&leaf, &both)), ["Middle", "New"]);
}

#[test]
fn authorities_that_certify_each_other_do_not_lead_in_circles() {
    let (a, b, root) = (authority("A"), authority("B"), authority("Root"));
    let leaf = a.leaf();
    let circle = [a.under(&b), b.under(&a)];
    let path = build(&leaf, &circle);
    assert_eq!(names(&path), ["A", "B"]);
    assert!(!path.is_complete(&leaf));
    let way_out = [&circle[..], &[b.under(&root), root.root()]].concat();
    assert_eq!(names(&build(&leaf, &way_out)), ["A", "B", "Root"]);
}

#[test]
fn a_way_that_is_valid_now_goes_before_a_shorter_one_that_is_not() {
    let (middle, a, b) = (authority("Middle"), authority("A"), authority("B"));
    let leaf = middle.leaf();
    let over = [middle.certified_by(&a, expired), a.root()];
    assert_eq!(names(&build(&leaf, &over)), ["Middle", "A"]);
    let longer = [middle.under(&b), b.under(&a)];
    let both = [&over[..], &longer].concat();
    assert_eq!(names(&build(&leaf, &both)), ["Middle", "B", "A"]);
    // Complete and expired goes before valid and incomplete.
    let both = [&over[..], &longer[..1]].concat();
    assert_eq!(names(&build(&leaf, &both)), ["Middle", "A"]);
}

#[test]
fn of_a_certificate_issued_again_the_one_that_lasts_longest_is_taken() {
    let (root, middle) = (authority("Root"), authority("Middle"));
    let until = |days| move |p: &mut CertificateParams| p.not_after = NOW + Duration::days(days);
    let again = [5, 90, 30].map(|days| middle.certified_by(&root, until(days)));
    let leaf = middle.leaf();
    let path = build(&leaf, &[&again[..], &[root.root()]].concat());
    assert_eq!(path.issuers[0], again[1]);
}

#[test]
fn bundled_roots_need_not_be_shown_and_win_a_tie() {
    let (middle, public, private) = (authority("M"), authority("Public"), authority("Private"));
    let leaf = middle.leaf();
    let bundle = [public.root()];
    let over = |issuers: &[Certificate]| {
        let bundled = |name: &[u8]| match name == bundle[0].subject_der() {
            true => &bundle[..],
            false => &[],
        };
        search::best(&leaf, &Candidates::among(issuers), &bundled, NOW)
    };
    let path = over(&[middle.under(&public)]);
    assert_eq!(names(&path), ["M", "Public"]);
    assert!(path.is_complete(&leaf));
    // Whatever stands first without the bundle.
    let mut both = [
        middle.under(&public),
        middle.under(&private),
        private.root(),
    ];
    assert_eq!(names(&over(&both)), ["M", "Public"]);
    both[0] = middle.certified_by(&public, |params| params.not_after -= Duration::HOUR);
    assert_eq!(names(&over(&both)), ["M", "Public"]);
    // Shown as well, it is still there once.
    both[1] = public.root();
    assert_eq!(names(&over(&both)), ["M", "Public"]);
}

#[test]
fn a_chain_has_at_most_twenty_certificates() {
    let mut ladder = vec![authority("0")];
    let mut candidates = vec![ladder[0].root()];
    for n in 1..25 {
        ladder.push(authority(&n.to_string()));
        candidates.push(ladder[n].under(&ladder[n - 1]));
    }
    let nineteen = ladder[18].leaf();
    let path = super::build(&nineteen, &candidates, NOW);
    assert_eq!(path.issuers.len() + 1, LONGEST);
    assert!(path.is_complete(&nineteen));
    let twenty = ladder[19].leaf();
    let path = super::build(&twenty, &candidates, NOW);
    assert_eq!(path.issuers.len() + 1, LONGEST);
    assert!(!path.is_complete(&twenty));
}

#[test]
fn the_order_is_that_of_the_signatures() {
    let (root, middle, impostor) = (authority("Root"), authority("Middle"), authority("Root"));
    let leaf = middle.leaf();
    let (middle, root, impostor) = (middle.under(&root), root.root(), impostor.root());

    let check =
        |chain: &[&Certificate]| check_order(&chain.iter().map(|&c| c.clone()).collect::<Vec<_>>());
    assert_eq!(check(&[&leaf, &middle, &root]), Ok(()));
    assert_eq!(check(&[&leaf]), Ok(()));
    assert_eq!(check(&[]), Err(ChainError::Empty));
    assert_eq!(check(&[&leaf, &root]), Err(ChainError::NotIssuedByNext(0)));
    assert_eq!(
        check(&[&leaf, &middle, &impostor]),
        Err(ChainError::NotIssuedByNext(1))
    );
    assert_eq!(check(&[&middle, &leaf]), Err(ChainError::NotACa(1)));
}

#[test]
fn a_mesh_of_namesakes_costs_a_bounded_number_of_checks() {
    // All of one name, each signed by some others: no signature is told from another by its name.
    let mesh = (0..60).map(|_| authority("Namesake")).collect::<Vec<_>>();
    let mut candidates = Vec::new();
    for (n, one) in mesh.iter().enumerate() {
        for step in [1, 7, 13, 29] {
            candidates.push(one.certified_by(&mesh[(n + step) % mesh.len()], |params| {
                params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![7]);
                params.use_authority_key_identifier_extension = true;
            }));
        }
    }
    let leaf = mesh[0].leaf();
    let path = build(&leaf, &candidates[..40]);
    assert!(path.issuers.len() < LONGEST && !path.is_complete(&leaf));
    let among = Candidates::among(&candidates);
    let bundle = |name: &[u8]| roots::with_subject(name);
    let (path, checks) = search::best_and_checks(&leaf, &among, &bundle, NOW);
    assert_eq!(checks, search::SIGNATURES);
    assert_eq!(path, super::build(&leaf, &candidates, NOW));
}

#[test]
fn a_long_certificate_counts_for_more_checks() {
    let middle = authority("Middle");
    let leaf = authority("leaf").certified_by(&middle, |params| {
        let comment = [2, 16, 840, 1, 113730, 1, 13];
        let octets = vec![0; 200 * 1024];
        let comment = rcgen::CustomExtension::from_oid_content(&comment, octets);
        params.custom_extensions.push(comment);
    });
    let namesakes = (0..30)
        .map(|_| authority("Middle").root())
        .collect::<Vec<_>>();
    let among = Candidates::among(&namesakes);
    let bundle = |name: &[u8]| roots::with_subject(name);
    let (_, checks) = search::best_and_checks(&leaf, &among, &bundle, NOW);
    assert_eq!(
        checks,
        search::SIGNATURES,
        "with {} namesakes",
        namesakes.len()
    );
    assert_eq!(build(&leaf, &[middle.root()]).issuers.len(), 1);
}

#[test]
fn key_identifiers_say_whom_to_try_first() {
    let middle = authority("Middle");
    let leaf = authority("leaf").certified_by(&middle, |params| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
    });
    // More namesakes than signatures are checked.
    let namesakes = (0..=search::SIGNATURES).map(|_| authority("Middle").root());
    let mut candidates = namesakes.collect::<Vec<_>>();
    candidates.push(middle.root());
    let path = super::build(&leaf, &candidates, NOW);
    assert_eq!(path.issuers, candidates[candidates.len() - 1..]);
}
