//! Where the programs are, and what to run when they are not there.

use std::path::{Path, PathBuf};

/// A program on the `PATH`, or where Debian keeps servers, which is not on everybody's `PATH`.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(servers).map(|place| place.join(name));
    places.find(|program| program.is_file()).unwrap_or_else(|| missing(name))
}

/// A file below `.tools`, where `tools/install.sh` puts what is no package of the system.
pub(super) fn installed(path: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools").join(path);
    if file.exists() { file } else { missing(path) }
}

/// A file of the repository.
pub(super) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(path)
}

fn missing(what: &str) -> ! {
    panic!("{what} is not installed: run `make tools`, or tools/install.sh peers")
}
