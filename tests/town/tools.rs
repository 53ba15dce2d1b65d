//! Where the programs are that a town runs.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A program that `make tools` or `make judges` gets: in the folder CHANCERY_TOOLS, else in `.tools/bin`, else on PATH.
///
/// # Panics
/// Where there is none.
pub fn tool(name: &str) -> PathBuf {
    let ours =
        env::var_os("CHANCERY_TOOLS").map_or_else(|| workspace().join(".tools/bin"), PathBuf::from);
    let folders = std::iter::once(ours).chain(path_folders());
    found_in(folders, name)
        .unwrap_or_else(|| panic!("there is no {name} here: `make tools judges` gets it"))
}

/// A program on PATH, if it is there.
pub fn on_path(name: &str) -> Option<PathBuf> {
    found_in(path_folders(), name)
}

/// The `chancery` that was built with these tests: CHANCERY_BIN, else the one beside this executable.
///
/// # Panics
/// Where none was built.
pub fn chancery() -> PathBuf {
    if let Some(given) = env::var_os("CHANCERY_BIN") {
        return given.into();
    }
    let us = env::current_exe().expect("a test knows its own file");
    // A test is in target/<profile>/deps, a program one folder above.
    let folders = us.ancestors().skip(1).take(2).map(Path::to_path_buf);
    found_in(folders, "chancery").unwrap_or_else(|| {
        panic!(
            "no chancery beside {}: `cargo build --workspace --all-targets` makes it",
            us.display()
        )
    })
}

fn path_folders() -> Vec<PathBuf> {
    env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default()
}

fn found_in(folders: impl IntoIterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
