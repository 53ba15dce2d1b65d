//! Between services: whose word about the actor is believed, and who is not let in at all. Who may call what: `access`.

use api::{
    keystore::v1::{GenerateKeyRequest, keystore_service_client::KeystoreServiceClient},
    metadata, refuse,
    x509::v1::KeyAlgorithm,
};
use tonic::{Request, transport::Channel};
use town::{Town, call};

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
