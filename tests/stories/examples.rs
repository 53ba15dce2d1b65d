//! The examples of `docs/api.md`, each run as it stands there by the program that it is for.

use std::{fs, path::Path, process::Command};

use town::{Town, tools};

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_api_works_as_it_stands() {
    let town = Town::start().await;
    town.register_ca().await;
    town.issue("shop.example").await;
    let text = fs::read_to_string(tools::workspace().join("docs/api.md")).unwrap();
    let (_, examples) = text.split_once("## Worked examples").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = Place {
        folder: folder.path(),
        gateway: town.edge().https.to_string(),
        token: town.installation.bootstrap_token(),
    };
    place.prepare();
    let mut said = String::new();
    let mut ran = 0;
    for block in examples.split("```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').unwrap();
        said += &match language {
            "sh" => place.run("sh", &["-eu", "-c", code]),
            "python" => {
                fs::write(folder.path().join("example.py"), code).unwrap();
                place.run("python3", &["example.py"])
            }
            other => panic!("nobody runs an example in {other:?}"),
        };
        ran += 1;
    }
    assert_eq!(ran, 6);
    for expected in [
        // grpcurl
        "\"role\": \"ROLE_ADMIN\"",
        "\"friendlyName\": \"shop.example\"",
        "rpc RenewNow ( .chancery.acme.v1.RenewNowRequest )",
        "\"text\": \"chancery_",
        // Python
        "I am token/",
        "\nshop.example 20",
        "NOT_FOUND there is no certificate \"nobody's\"",
        // curl
        "grpc-status:0",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
    }
}

/// Where an example is tried.
struct Place<'a> {
    folder: &'a Path,
    gateway: String,
    token: String,
}

impl Place<'_> {
    /// The contracts, and a Python that knows gRPC under the name that everybody's has.
    fn prepare(&self) {
        let contracts = tools::workspace().join("proto");
        std::os::unix::fs::symlink(contracts, self.folder.join("proto")).unwrap();
        let bin = self.folder.join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, tool) in [
            ("python3", "python-with-grpcio-tools"),
            ("grpcurl", "grpcurl"),
            ("curl", "curl"),
            ("openssl", "openssl"),
        ] {
            std::os::unix::fs::symlink(tools::tool(tool), bin.join(name)).unwrap();
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let bin = self.folder.join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let given = Command::new(program)
            .args(arguments)
            .current_dir(self.folder)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("GATEWAY", &self.gateway)
            .env("TOKEN", &self.token)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&given.stdout).into_owned();
        let complained = String::from_utf8_lossy(&given.stderr);
        assert!(given.status.success(), "{arguments:?}: {said}{complained}");
        said
    }
}
