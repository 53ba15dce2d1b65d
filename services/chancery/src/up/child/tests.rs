//! On real processes.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use super::{process::spawn, *};
use crate::up::lock;

fn sleeper(folder: &Path) -> Program {
    Program {
        name: "sleeper",
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), "echo started; exec sleep 600".into()],
        environment: Vec::new(),
        lock: folder.join("sleeper.lock"),
        output: folder.join("sleeper.out"),
    }
}

async fn pid(program: &Program, other_than: Option<u32>) -> u32 {
    loop {
        match lock::pid_in(&mut lock::open(&program.lock).unwrap()) {
            Some(pid) if Some(pid) != other_than => return pid,
            _ => sleep(Duration::from_millis(5)).await,
        }
    }
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_child_that_dies_is_started_again_and_one_that_is_stopped_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let program = sleeper(folder.path());
    let child = Supervised::start(program.clone()).await.unwrap();
    let first = pid(&program, None).await;
    kill(first);
    pid(&program, Some(first)).await;
    child.stop().await;
    lock::open(&program.lock).unwrap().try_lock().unwrap();
}

#[tokio::test]
async fn an_orphan_of_a_killed_run_is_ended_before_the_next_one_starts() {
    let folder = tempfile::tempdir().unwrap();
    let program = sleeper(folder.path());
    let mut orphan = spawn(&program, true).unwrap();
    let next = tokio::spawn(Supervised::start(program));
    // Ended by a signal, by the next run.
    assert!(!orphan.wait().await.unwrap().success());
    next.await.unwrap().unwrap().stop().await;
}

#[tokio::test]
async fn an_early_end_is_told_with_the_last_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = sleeper(folder.path());
    program.arguments = vec!["-c".into(), "echo port is taken; exit 1".into()];
    let child = Supervised::start(program).await.unwrap();
    let error = child
        .until_ready(std::future::pending(), Duration::from_secs(60))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("port is taken"), "{error}");
    child.stop().await;
}
