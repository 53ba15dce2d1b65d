//! R2: the power goes while commands come in. What the file system had not been made to keep is gone; what somebody was told is done is there.

use std::{path::Path, process::Command, time::Duration};

use town::{
    chaos::{self, Dice},
    child,
    client::Client,
    installation::Installation,
    load::Load,
    wait,
};

/// An ext4 in a file, which can lose its power.
struct Disk<'a> {
    file: &'a Path,
    mount: &'a Path,
}

impl Disk<'_> {
    fn mount(&self) {
        sh(&format!(
            "mount -o loop {} {}",
            self.file.display(),
            self.mount.display()
        ));
    }

    fn unmount(&self) {
        sh(&format!("umount {}", self.mount.display()));
    }

    /// EXT4_IOC_SHUTDOWN without a flush of the log: from here on nothing reaches the disk, and what had not, never does.
    fn cut_power(&self) {
        let program = "import fcntl,os,struct,sys;\
            fcntl.ioctl(os.open(sys.argv[1],os.O_RDONLY),0x8004587D,struct.pack('I',2))";
        let mount = self.mount.as_os_str();
        let cut = Command::new("python3")
            .args(["-c", program])
            .arg(mount)
            .status();
        assert!(cut.unwrap().success(), "the file system is shut down");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_command_is_lost_in_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mount) = (folder.path().join("disk"), folder.path().join("mount"));
    std::fs::create_dir(&mount).unwrap();
    sh(&format!(
        "truncate -s 2G {0} && mkfs.ext4 -q {0}",
        file.display()
    ));
    let disk = Disk {
        file: &file,
        mount: &mount,
    };
    let mounted = format!("mount -o loop {} {}", file.display(), mount.display());
    if !chaos::may_break("a power cut", &mounted) {
        return;
    }
    let mut installation = Installation::new(&mount, "");
    installation.up().await;
    let token = installation.bootstrap_token();
    // What the test itself has written, as its configuration.
    sh(&format!("sync -f {}", mount.display()));
    let load = Load::start(&[installation.edge], &token);
    let (cuts, mut dice) = (chaos::times(1, 50), Dice::new(2));
    for cut in 0..cuts {
        let next = load.until_next(chaos::PATIENCE).await;
        next.unwrap_or_else(|| panic!("nothing goes on after cut {cut}: {}", installation.logs()));
        tokio::time::sleep(Duration::from_millis(dice.below(1_500) as u64)).await;
        disk.cut_power();
        let up = installation.process("up");
        let children = child::descendants(up.id());
        up.kill();
        children.into_iter().for_each(child::kill);
        wait::until("nobody uses the disk", async || {
            let umount = Command::new("umount").arg(&mount).output().unwrap();
            umount.status.success().then_some(())
        })
        .await;
        disk.mount();
        installation.start_up();
    }
    load.until_next(chaos::PATIENCE).await.expect("it goes on");
    let client = wait::until("the gateway answers", async || {
        Client::connect(installation.edge, &token).await.ok()
    })
    .await;
    let outcome = load.verify(&client).await;
    installation.process("up").stop("TERM").await;
    drop(installation);
    disk.unmount();
    let found = format!("{cuts} power cuts, {outcome:?}");
    chaos::figure("R2", found, outcome.is_whole());
}

fn sh(line: &str) {
    let ended = Command::new("sh").args(["-c", line]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{line}: {said}");
}
