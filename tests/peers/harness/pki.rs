//! Certificates and keys, made with the openssl command line.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};

use super::process::{Process, TempDir};
use super::program;

/// The password of everything that is encrypted.
pub(crate) const PASSWORD: &str = "Tr0ub4dor";

/// The extensions of certificates for servers, by name.
const NAMES: &str = "
[right]
subjectAltName = DNS:localhost, IP:127.0.0.1
[other]
subjectAltName = DNS:broker.example, DNS:*.wild.example
[client]
extendedKeyUsage = clientAuth
";

/// A directory with certificates and keys:
///
/// - `ca.pem`, `ca.der`, `stranger.pem`: two authorities; the rest is signed by the first
/// - `right.pem`, `other.pem`, `expired.pem`: servers, with `.key`
/// - `rsa.*`, `ec.*`: clients, in every form of certificate and key
/// - `foreign.pem`, `foreign.key`: a client that the stranger signed
pub(crate) struct Pki {
    directory: TempDir,
}

impl Pki {
    /// The same for all tests that run at the same time.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Pki>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let pki = Arc::new(Self::make());
            *shared = Arc::downgrade(&pki);
            pki
        })
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.file(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.directory.path().join(name)).unwrap()
    }

    fn make() -> Self {
        let pki = Self { directory: TempDir::new() };
        std::fs::write(pki.directory.path().join("names.cnf"), NAMES).unwrap();
        pki.authority("ca");
        pki.authority("stranger");
        for name in ["right", "other", "expired", "ec", "foreign"] {
            pki.openssl(&format!(
                "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"
            ));
        }
        pki.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
        pki.sign("right", "ca", "right", 30);
        pki.sign("other", "ca", "other", 30);
        pki.sign("expired", "ca", "right", -1);
        pki.sign("rsa", "ca", "client", 30);
        pki.sign("ec", "ca", "client", 30);
        pki.sign("foreign", "stranger", "client", 30);
        pki.openssl("x509 -in ca.pem -outform DER -out ca.der");
        for name in ["rsa", "ec"] {
            pki.convert(name);
        }
        pki
    }

    fn authority(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
             -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }

    fn sign(&self, name: &str, authority: &str, section: &str, days: i32) {
        self.openssl(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial \
             -days {days} -extfile names.cnf -extensions {section} -out {name}.pem"
        ));
    }

    /// A client's certificate and key in every form.
    fn convert(&self, name: &str) {
        let old = if name == "rsa" { "rsa" } else { "ec" };
        let secret = format!("-passout pass:{PASSWORD}");
        for command in [
            format!("x509 -in {name}.pem -outform DER -out {name}.der"),
            format!("pkey -in {name}.key -traditional -out {name}.old.key"),
            format!("{old} -in {name}.key -outform DER -out {name}.old.der"),
            format!("pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out {name}.pkcs8.der"),
            format!("pkcs8 -topk8 -in {name}.key {secret} -out {name}.secret.key"),
            format!("pkcs8 -topk8 -in {name}.key {secret} -outform DER -out {name}.secret.der"),
            format!("pkey -in {name}.key -traditional -aes128 {secret} -out {name}.oldsecret.key"),
            format!("pkcs12 -export -in {name}.pem -inkey {name}.key {secret} -out {name}.p12"),
            format!(
                "pkcs12 -export -legacy -in {name}.pem -inkey {name}.key {secret} \
                 -out {name}.old.p12"
            ),
        ] {
            self.openssl(&command);
        }
        let parameters = "ecparam -name prime256v1 -out parameters.pem";
        self.openssl(parameters);
        let with = [self.bytes("parameters.pem"), self.bytes(&format!("{name}.old.key"))].concat();
        std::fs::write(self.directory.path().join(format!("{name}.parameters.key")), with).unwrap();
    }

    fn openssl(&self, arguments: &str) {
        run(self.directory.path(), arguments);
    }
}

fn run(directory: &Path, arguments: &str) {
    let mut command = Command::new(program("openssl"));
    Process::run(command.current_dir(directory).args(arguments.split_whitespace()));
}
