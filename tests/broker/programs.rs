//! Other people's client libraries against the broker. What is not installed is not tested;
//! `tools/install.sh programs` installs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use mqttlink::broker::Broker;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a script, which says "ok" when everything went as it should.
fn run(program: &Path, library: &Path, script: &str, version: Option<&str>) {
    if !library.exists() {
        eprintln!("{} is not there: nothing is tested", library.display());
        return;
    }
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let port = broker.address().unwrap().port().to_string();
    let mut command = Command::new(program);
    command.arg(at("tests/broker/programs").join(script)).arg(port).args(version);
    command.env("NODE_PATH", at(".tools/mqttjs/node_modules"));
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim() == "ok", "{script} {version:?}: {out}{err}");
}

fn python(script: &str, version: Option<&str>) {
    let python = at(".tools/programs/bin/python");
    run(&python, &python, script, version);
}

#[test]
fn paho_for_python_speaks_every_version_with_it() {
    for version in ["3", "4", "5"] {
        python("paho_client.py", Some(version));
    }
}

#[test]
fn mqttools_speaks_with_it() {
    python("mqttools_client.py", None);
}

#[test]
fn mqtt_js_speaks_every_version_with_it() {
    let library = at(".tools/mqttjs/node_modules/mqtt");
    for version in ["3", "4", "5"] {
        run(Path::new("node"), &library, "mqttjs_client.js", Some(version));
    }
}
