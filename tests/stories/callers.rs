//! Between services: who may call what, and whose word about the actor is believed.

use api::{
    keystore::v1::{GenerateKeyRequest, keystore_service_client::KeystoreServiceClient},
    metadata, policy, refuse,
    x509::v1::KeyAlgorithm,
};
use tonic::{Request, Status, transport::Channel};
use town::{Town, call};

/// Which service answers the methods of which package.
const SERVERS: [(&str, &str); 5] = [
    ("/chancery.keystore.", "keystore"),
    ("/chancery.csr.", "csr-service"),
    ("/chancery.acme.", "acme-agent"),
    ("/chancery.notifier.", "notifier"),
    ("/chancery.projection.", "projection"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_method_answers_its_callers_and_nobody_else() {
    let town = Town::with_services_apart().await;
    let (mut refused, mut taken) = (0, 0);
    for caller in [
        "keystore",
        "csr-service",
        "acme-agent",
        "notifier",
        "projection",
        "gateway",
        "provisioner",
    ] {
        for (package, server) in SERVERS {
            let channel = town.installation.channel(caller, server);
            for (path, policy) in policy::all().filter(|(path, _)| path.starts_with(package)) {
                let answer = call::by_path(&channel, path).await;
                match policy.allows(caller) {
                    true => {
                        assert!(
                            !is_refusal_of_caller(&answer),
                            "{caller} may call {path}: {answer:?}"
                        );
                        taken += 1;
                    }
                    false => {
                        assert!(
                            is_refusal_of_caller(&answer),
                            "{caller} may not call {path}: {answer:?}"
                        );
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(
        refused > 70 && taken > 15,
        "{refused} refused, {taken} taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_is_believed_from_the_gateway_alone() {
    let town = Town::with_services_apart().await;
    let mut keystore =
        KeystoreServiceClient::new(town.installation.channel("acme-agent", "keystore"));
    let mut request = Request::new(GenerateKeyRequest {
        algorithm: KeyAlgorithm::EcdsaP256.into(),
    });
    let somebody = format!("token/{}", uuid::Uuid::new_v4());
    request
        .metadata_mut()
        .insert(metadata::ACTOR, somebody.parse().unwrap());
    let key = keystore.generate_key(request).await.unwrap().into_inner();
    let generated = town.until(&key.key_id, "generated").await;
    assert_eq!(generated.actor, "service/acme-agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_identity_of_the_internal_ca_there_is_no_answer() {
    let town = Town::with_services_apart().await;
    for server in [
        "keystore",
        "csr-service",
        "acme-agent",
        "notifier",
        "projection",
    ] {
        let address = town.installation.peer(server);
        // Not even a word of gRPC without TLS.
        let stranger = Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        let path = "/chancery.keystore.v1.IdentityService/RenewIdentity";
        let broken_off = call::by_path(&stranger, path).await.unwrap_err();
        assert_eq!(refuse::reason(&broken_off), None, "{server}: {broken_off}");
        // TLS, with a certificate that anybody can make.
        assert!(
            !call::takes_a_strange_certificate(address).await,
            "{server}"
        );
    }
}

fn is_refusal_of_caller(answer: &Result<(), Status>) -> bool {
    let Err(status) = answer else { return false };
    refuse::reason(status).as_deref() == Some("CALLER_NOT_ALLOWED")
}
