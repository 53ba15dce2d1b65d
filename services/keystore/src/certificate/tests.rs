//! Certificates, decided.

use super::*;
use eventlog::given::given;
use pki::FriendlyName;

use crate::samples;

fn add(chain: KeyedChain) -> Command {
    Command::Add {
        friendly_name: FriendlyName::try_from("shop").unwrap(),
        chain,
        automation_id: samples::AUTOMATION.into(),
    }
}

fn renew(chain: KeyedChain) -> Command {
    Command::Renew {
        chain,
        automation_id: samples::AUTOMATION.into(),
    }
}

fn self_sign(factory: bool) -> Command {
    Command::SelfSign {
        friendly_name: FriendlyName::try_from("Chancery").unwrap(),
        chain: samples::first_chain(),
        factory,
    }
}

#[test]
fn a_certificate_from_a_ca_is_kept() {
    given::<State>([])
        .when(|s| decide(s, &add(samples::first_chain())))
        .then(samples::issued());
}

#[test]
fn a_renewal_is_the_next_version() {
    given::<State>([samples::issued()])
        .when(|s| decide(s, &renew(samples::second_chain())))
        .then(samples::renewed());
}

#[test]
fn the_same_certificate_again_says_where_it_is() {
    given::<State>([samples::issued(), samples::renewed()])
        .when(|s| decide(s, &renew(samples::second_chain())))
        .refused(Refusal::AlreadyHere { version: 2 });
    given::<State>([samples::issued(), samples::renewed()])
        .when(|s| decide(s, &add(samples::first_chain())))
        .refused(Refusal::AlreadyHere { version: 1 });
}

#[test]
fn a_version_of_nothing_is_refused() {
    given::<State>([])
        .when(|s| decide(s, &renew(samples::second_chain())))
        .refused(Refusal::NoSuchCertificate);
}

#[test]
fn a_certificate_takes_versions_from_its_own_automation_alone() {
    let stranger = Command::Renew {
        chain: samples::second_chain(),
        automation_id: "another".into(),
    };
    given::<State>([samples::issued()])
        .when(|s| decide(s, &stranger))
        .refused(Refusal::OtherAutomation);
    given::<State>([samples::self_signed()])
        .when(|s| decide(s, &renew(samples::second_chain())))
        .refused(Refusal::OtherAutomation);
}

#[test]
fn a_self_signed_certificate_is_kept_and_says_if_it_is_the_factory_one() {
    given::<State>([])
        .when(|s| decide(s, &self_sign(true)))
        .then(samples::self_signed());
    let Event::SelfSigned(signed) = decide(&State::Absent, &self_sign(false)).unwrap() else {
        panic!("another event");
    };
    assert!(!signed.factory && signed.serve);
}

#[test]
fn another_certificate_cannot_take_the_place_of_one() {
    given::<State>([samples::issued()])
        .when(|s| decide(s, &add(samples::second_chain())))
        .refused(Refusal::CertificateExists);
}

#[test]
fn a_certificate_from_outside_is_kept_under_the_name_of_the_request_that_it_answers() {
    let import = Command::Import {
        friendly_name: name("shop"),
        chain: samples::first_chain(),
        request_id: samples::REQUEST.into(),
    };
    given::<State>([])
        .when(|s| decide(s, &import))
        .then(samples::imported());
    given::<State>([samples::issued()])
        .when(|s| decide(s, &import))
        .refused(Refusal::AlreadyHere { version: 1 });
}

#[test]
fn a_better_chain_takes_the_place_of_one_and_the_same_does_not() {
    let complete = |issuers: Vec<Certificate>| Command::CompleteChain {
        fingerprint: samples::first_chain().leaf.sha256_fingerprint,
        issuers,
    };
    let alone = || {
        let Event::Imported(imported) = samples::imported() else {
            panic!("another event");
        };
        Event::Imported(v1::CertificateImported {
            issuers: Vec::new(),
            ..imported
        })
    };
    let issuers = samples::second_chain().issuers;
    given::<State>([alone()])
        .when(|s| decide(s, &complete(issuers.clone())))
        .then(samples::chain_completed());
    given::<State>([alone(), samples::chain_completed()])
        .when(|s| decide(s, &complete(issuers.clone())))
        .refused(Refusal::ChainUnchanged);
    // The chain of a version that is not the newest any more.
    given::<State>([samples::issued(), samples::renewed()])
        .when(|s| decide(s, &complete(Vec::new())))
        .refused(Refusal::ChainUnchanged);
}

#[test]
fn a_chain_of_an_older_version_does_not_become_that_of_the_newest() {
    let of_the_first = Event::ChainCompleted(v1::CertificateChainCompleted {
        version: 1,
        issuers: Vec::new(),
    });
    let second = samples::second_chain();
    let same = Command::CompleteChain {
        fingerprint: second.leaf.sha256_fingerprint,
        issuers: second.issuers,
    };
    given::<State>([samples::issued(), samples::renewed(), of_the_first])
        .when(|s| decide(s, &same))
        .refused(Refusal::ChainUnchanged);
}

#[test]
fn a_name_is_changed_once() {
    let rename = Command::Rename {
        friendly_name: name("the shop"),
    };
    given::<State>([samples::imported()])
        .when(|s| decide(s, &rename))
        .then(samples::renamed());
    given::<State>([samples::imported(), samples::renamed()])
        .when(|s| decide(s, &rename))
        .refused(Refusal::NameUnchanged);
}

#[test]
fn what_is_given_out_is_a_version_that_is_here() {
    let Event::Exported(exported) = samples::exported() else {
        panic!("another event");
    };
    given::<State>([samples::imported()])
        .when(|s| decide(s, &Command::Export(exported.clone())))
        .then(samples::exported());
    for version in [0, 2] {
        let other = v1::CertificateExported {
            version,
            ..exported.clone()
        };
        given::<State>([samples::imported()])
            .when(|s| decide(s, &Command::Export(other.clone())))
            .refused(Refusal::NoSuchVersion { newest: 1 });
    }
}

#[test]
fn a_certificate_is_released_by_its_own_automation_and_can_then_be_deleted() {
    let release = |automation: &str| Command::Release {
        automation_id: automation.into(),
    };
    given::<State>([samples::issued()])
        .when(|s| decide(s, &release(samples::AUTOMATION)))
        .then(samples::released());
    given::<State>([samples::issued()])
        .when(|s| decide(s, &release("another")))
        .refused(Refusal::OtherAutomation);
    given::<State>([samples::issued(), samples::released()])
        .when(|s| decide(s, &release(samples::AUTOMATION)))
        .refused(Refusal::AlreadyReleased);
    given::<State>([samples::issued(), samples::released()])
        .when(|s| decide(s, &Command::Delete))
        .then(samples::deleted());
    // Nor does the automation renew it any more.
    given::<State>([samples::issued(), samples::released()])
        .when(|s| decide(s, &renew(samples::second_chain())))
        .refused(Refusal::OtherAutomation);
}

#[test]
fn a_version_is_revoked_once_also_after_its_deletion() {
    let revoke = |version| Command::Revoke {
        version,
        reason: api::x509::v1::RevocationReason::KeyCompromise,
    };
    given::<State>([samples::issued(), samples::renewed()])
        .when(|s| decide(s, &revoke(1)))
        .then(samples::revoked());
    given::<State>([samples::imported(), samples::deleted()])
        .when(|s| decide(s, &revoke(1)))
        .then(samples::revoked());
    given::<State>([samples::issued(), samples::revoked()])
        .when(|s| decide(s, &revoke(1)))
        .refused(Refusal::AlreadyRevoked);
    for version in [0, 2] {
        given::<State>([samples::issued()])
            .when(|s| decide(s, &revoke(version)))
            .refused(Refusal::NoSuchVersion { newest: 1 });
    }
    given::<State>([])
        .when(|s| decide(s, &revoke(1)))
        .refused(Refusal::NoSuchCertificate);
}

#[test]
fn a_deletion_can_be_undone_and_is_none_twice() {
    given::<State>([samples::imported()])
        .when(|s| decide(s, &Command::Delete))
        .then(samples::deleted());
    given::<State>([samples::imported(), samples::deleted()])
        .when(|s| decide(s, &Command::Delete))
        .refused(Refusal::CertificateDeleted);
    let restore = Command::Restore {
        friendly_name: name("shop (2)"),
    };
    given::<State>([samples::imported(), samples::deleted()])
        .when(|s| decide(s, &restore))
        .then(samples::restored());
    given::<State>([samples::imported()])
        .when(|s| decide(s, &restore))
        .refused(Refusal::NotDeleted);
    let back = given::<State>([samples::imported(), samples::deleted(), samples::restored()]);
    assert_eq!(back.state().kept().unwrap().friendly_name, "shop (2)");
}

#[test]
fn what_is_deleted_is_not_renewed_renamed_or_given_out() {
    let Event::Exported(exported) = samples::exported() else {
        panic!("another event");
    };
    for command in [
        renew(samples::second_chain()),
        Command::Rename {
            friendly_name: name("other"),
        },
        Command::Export(exported),
    ] {
        given::<State>([samples::imported(), samples::deleted()])
            .when(|s| decide(s, &command))
            .refused(Refusal::CertificateDeleted);
    }
}

#[test]
fn neither_a_managed_certificate_nor_the_factory_one_is_deleted() {
    given::<State>([samples::issued()])
        .when(|s| decide(s, &Command::Delete))
        .refused(Refusal::Managed);
    given::<State>([samples::self_signed()])
        .when(|s| decide(s, &Command::Delete))
        .refused(Refusal::Factory);
}

fn name(text: &str) -> FriendlyName {
    FriendlyName::try_from(text).unwrap()
}
