//! The search for the best path, level by level: the shortest is found first, and no mesh makes it long.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use time::OffsetDateTime;

use super::{Candidates, LONGEST, Path};
use crate::{Certificate, signature::Signed};

/// The roots with this subject that need not be among the candidates.
pub(super) type Bundle<'a> = &'a dyn Fn(&[u8]) -> &'a [Certificate];

pub(super) fn best<'a>(
    leaf: &'a Certificate,
    candidates: &'a Candidates<'a>,
    bundle: Bundle<'a>,
    now: OffsetDateTime,
) -> Path {
    best_and_checks(leaf, candidates, bundle, now).0
}

/// The best path, and how many checks it took to find it.
pub(super) fn best_and_checks<'a>(
    leaf: &'a Certificate,
    candidates: &'a Candidates<'a>,
    bundle: Bundle<'a>,
    now: OffsetDateTime,
) -> (Path, usize) {
    if leaf.self_signed {
        return (Path::default(), 0);
    }
    let mut search = Search::among(candidates, bundle, now);
    let mut ascent = search.climb(leaf, |issuer| issuer.is_valid_at(now));
    if ascent.root.is_none() {
        ascent = search.climb(leaf, |_| true);
    }
    let top = ascent.root.or_else(|| ascent.highest(now));
    let mut issuers = top.map(|top| ascent.down_from(top)).unwrap_or_default();
    issuers.reverse();
    let path = Path {
        issuers: issuers.into_iter().cloned().collect(),
        looked_for: search.looked_for.into_iter().map(<[u8]>::to_vec).collect(),
    };
    (path, SIGNATURES - search.checks_left)
}

/// How many signatures one search checks. Real stores need a handful; some hundred microseconds each.
pub(super) const SIGNATURES: usize = 100;

/// A long certificate takes longer to check, and counts once more for each of these octets.
const OCTETS_A_CHECK: usize = 16 * 1024;

/// How many issuers of one certificate are followed. More than two or three is re-issuing gone wild.
const ISSUERS: usize = 20;

struct Search<'a> {
    now: OffsetDateTime,
    bundle: Bundle<'a>,
    candidates: &'a Candidates<'a>,
    /// By fingerprint of the certificate below.
    issuers: HashMap<&'a str, Rc<[&'a Certificate]>>,
    checks_left: usize,
    looked_for: BTreeSet<&'a [u8]>,
}

impl<'a> Search<'a> {
    fn among(candidates: &'a Candidates<'a>, bundle: Bundle<'a>, now: OffsetDateTime) -> Self {
        Self {
            now,
            bundle,
            candidates,
            issuers: HashMap::new(),
            checks_left: SIGNATURES,
            looked_for: BTreeSet::new(),
        }
    }

    /// Goes up from the leaf to the first level that has a root on it.
    fn climb(
        &mut self,
        leaf: &'a Certificate,
        admitted: impl Fn(&Certificate) -> bool,
    ) -> Ascent<'a> {
        let mut ascent = Ascent::default();
        // Fewer intermediates below a certificate are never worse, so that it is stood on again for fewer alone.
        let mut fewest = HashMap::<&str, u32>::new();
        let mut level = vec![None];
        for _ in 1..LONGEST {
            let mut above = Vec::new();
            for from in level {
                let below = ascent.certificate(from).unwrap_or(leaf);
                let intermediates = ascent.intermediates(from);
                for &issuer in self.issuers_of(below).iter() {
                    let fits = admitted(issuer)
                        && issuer
                            .issuing
                            .path_len
                            .is_none_or(|max| intermediates <= max)
                        && !is_same_authority(issuer, leaf)
                        && !ascent.passes(from, issuer);
                    let known = fewest.get(issuer.sha256_fingerprint.as_str());
                    if !fits || known.is_some_and(|&known| known <= intermediates) {
                        continue;
                    }
                    fewest.insert(&issuer.sha256_fingerprint, intermediates);
                    above.push(ascent.step(from, issuer));
                }
            }
            if above.is_empty() {
                break;
            }
            ascent.level.clone_from(&above);
            let mut found = above
                .iter()
                .filter(|&&at| ascent.steps[at].issuer.self_signed);
            if let Some(&first) = found.clone().next() {
                let bundled = found.find(|&&at| {
                    let root = ascent.steps[at].issuer;
                    (self.bundle)(root.subject_der()).contains(root)
                });
                ascent.root = Some(bundled.copied().unwrap_or(first));
                break;
            }
            level = above.into_iter().map(Some).collect();
        }
        ascent
    }

    /// Who signed this certificate, those to prefer first.
    fn issuers_of(&mut self, below: &'a Certificate) -> Rc<[&'a Certificate]> {
        if let Some(issuers) = self.issuers.get(below.sha256_fingerprint.as_str()) {
            return Rc::clone(issuers);
        }
        let name = below.issuer_der();
        self.looked_for.insert(name);
        let issuers = if self.checks_left == 0 {
            Rc::default()
        } else {
            let named = self.candidates.with_subject(name).iter().copied();
            let mut named = named.chain((self.bundle)(name)).collect::<Vec<_>>();
            let now = self.now;
            named.sort_by_cached_key(|issuer| {
                (
                    !issuer.is_valid_at(now),
                    unlikeliness(below, issuer),
                    !issuer.self_signed,
                    Reverse(issuer.not_after),
                    &issuer.sha256_fingerprint,
                )
            });
            named.dedup_by(|a, b| a.sha256_fingerprint == b.sha256_fingerprint);
            self.signers(below, &named)
        };
        self.issuers
            .insert(&below.sha256_fingerprint, Rc::clone(&issuers));
        issuers
    }

    fn signers(&mut self, below: &Certificate, named: &[&'a Certificate]) -> Rc<[&'a Certificate]> {
        // Certificates of one key share the answer.
        let mut keys = HashMap::<&str, bool>::new();
        let mut signers = Vec::new();
        for issuer in named {
            let signed = *keys.entry(&issuer.spki_sha256).or_insert_with(|| {
                let cost = 1 + below.der.len() / OCTETS_A_CHECK;
                let affordable = cost <= self.checks_left;
                self.checks_left = self.checks_left.saturating_sub(cost);
                affordable && is_signed_by(below, issuer)
            });
            if signed {
                signers.push(*issuer);
            }
            if signers.len() == ISSUERS {
                break;
            }
        }
        signers.into()
    }
}

/// Whether a certificate can stand above another at all.
pub(super) fn may_issue(certificate: &Certificate) -> bool {
    certificate.is_ca && certificate.issuing.key_cert_sign
}

/// By signatures of any age: what an old CA signed stands above what it signed.
fn is_signed_by(subject: &Certificate, issuer: &Certificate) -> bool {
    Signed::from_der(&subject.der).is_ok_and(|s| s.verify_of_any_age(&issuer.spki_der).is_ok())
}

/// The key identifiers say which of several bearers of a name to try first; they prove nothing.
fn unlikeliness(below: &Certificate, issuer: &Certificate) -> u8 {
    match (&below.authority_key_id, &issuer.subject_key_id) {
        (Some(wanted), Some(id)) if wanted == id => 0,
        (Some(_), Some(_)) => 2,
        _ => 1,
    }
}

/// Subject and key make an authority, however many certificates it has (RFC 4158, section 5.2).
fn is_same_authority(one: &Certificate, other: &Certificate) -> bool {
    one.subject_der() == other.subject_der() && one.spki_der == other.spki_der
}

/// Every place that was reached, each with the way down.
#[derive(Default)]
struct Ascent<'a> {
    steps: Vec<Step<'a>>,
    /// The highest places.
    level: Vec<usize>,
    root: Option<usize>,
}

struct Step<'a> {
    issuer: &'a Certificate,
    /// `None`: the leaf.
    below: Option<usize>,
    /// Issuers up to here that are not self-issued: what a path length counts (RFC 5280, section 4.2.1.9).
    intermediates: u32,
}

impl<'a> Ascent<'a> {
    fn step(&mut self, below: Option<usize>, issuer: &'a Certificate) -> usize {
        let is_self_issued = issuer.subject_der() == issuer.issuer_der();
        self.steps.push(Step {
            issuer,
            below,
            intermediates: self.intermediates(below) + u32::from(!is_self_issued),
        });
        self.steps.len() - 1
    }

    fn certificate(&self, at: Option<usize>) -> Option<&'a Certificate> {
        at.map(|at| self.steps[at].issuer)
    }

    fn intermediates(&self, at: Option<usize>) -> u32 {
        at.map_or(0, |at| self.steps[at].intermediates)
    }

    /// Whether the way to this place already leads over the authority.
    fn passes(&self, at: Option<usize>, authority: &Certificate) -> bool {
        at.is_some_and(|at| {
            let mut way = self.down_from(at).into_iter();
            way.any(|issuer| is_same_authority(issuer, authority))
        })
    }

    fn down_from(&self, at: usize) -> Vec<&'a Certificate> {
        let mut way = Vec::new();
        let mut at = Some(at);
        while let Some(step) = at.map(|at| &self.steps[at]) {
            way.push(step.issuer);
            at = step.below;
        }
        way
    }

    fn highest(&self, now: OffsetDateTime) -> Option<usize> {
        let mut level = self.level.iter();
        let valid = level.find(|&&at| self.down_from(at).iter().all(|c| c.is_valid_at(now)));
        valid.or(self.level.first()).copied()
    }
}
