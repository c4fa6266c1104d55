//! TLS: who the client is, with certificates and keys in every form that people have.

use mqttlink::{Client, Error, ErrorCode, Stage, TlsOptions, TlsVersion};

use crate::harness::{PASSWORD, Pki, Server, Settings, Which, on_each_server};

on_each_server! {
    keys_and_certificates_in_every_form_by_path_and_from_memory
    pkcs12_by_path_and_from_memory
    a_missing_or_foreign_certificate_is_refused_in_both_versions
}

fn trusting(pki: &Pki) -> TlsOptions {
    TlsOptions::new().ca_file(pki.file("ca.pem"))
}

fn connect(broker: &Server, id: &str, tls: TlsOptions) -> Result<Client, Error> {
    broker.secure_builder().client_id(id).tls(tls).connect().map(|(client, _)| client)
}

/// Connects, and the server takes the client for whom the certificate says.
#[track_caller]
fn known_as(broker: &Server, name: &str, id: &str, tls: TlsOptions) {
    let client = connect(broker, id, tls).unwrap_or_else(|error| panic!("{id}: {error}"));
    assert_eq!(broker.peer.user_of(id), name, "{id}");
    client.disconnect().unwrap();
}

/// The forms of a key, and whether each needs the password.
const KEYS: [(&str, bool); 7] = [
    ("key", false),
    ("pkcs8.der", false),
    ("old.key", false),
    ("old.der", false),
    ("parameters.key", false),
    ("secret.key", true),
    ("secret.der", true),
];

fn keys_and_certificates_in_every_form_by_path_and_from_memory(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::mutual(&pki));
    for name in ["rsa", "ec"] {
        for (form, encrypted) in KEYS {
            let key = format!("{name}.{form}");
            let by_path = trusting(&pki)
                .certificate_file(pki.file(&format!("{name}.pem")))
                .key_file(pki.file(&key));
            let from_memory =
                trusting(&pki).certificate(pki.bytes(&format!("{name}.der"))).key(pki.bytes(&key));
            for (id, tls) in [("path", by_path), ("memory", from_memory)] {
                let tls = if encrypted { tls.key_password(PASSWORD) } else { tls };
                known_as(&broker, name, &format!("{id}-{key}"), tls);
            }
        }
    }
}

fn pkcs12_by_path_and_from_memory(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::mutual(&pki));
    for name in ["rsa", "ec"] {
        let file = format!("{name}.p12");
        let by_path = trusting(&pki).pkcs12_file(pki.file(&file), PASSWORD);
        known_as(&broker, name, &format!("path-{file}"), by_path);
        let from_memory = trusting(&pki).pkcs12(pki.bytes(&file), PASSWORD);
        known_as(&broker, name, &format!("memory-{file}"), from_memory);
    }
}

/// In TLS 1.3 the server looks at the certificate after the client has finished: the alert comes
/// with the first read.
fn a_missing_or_foreign_certificate_is_refused_in_both_versions(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::mutual(&pki));
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let tls = || trusting(&pki).min_version(version).max_version(version);
        let error = connect(&broker, "nobody", tls()).unwrap_err();
        assert_eq!((error.code(), error.stage()), (ErrorCode::TlsHandshake, Stage::Tls), "{error}");
        assert!(error.to_string().contains("want a client certificate"), "{version:?}: {error}");
        assert!(!error.is_retryable());
        let foreign =
            tls().certificate_file(pki.file("foreign.pem")).key_file(pki.file("foreign.key"));
        let error = connect(&broker, "foreign", foreign).unwrap_err();
        assert_eq!((error.code(), error.stage()), (ErrorCode::TlsHandshake, Stage::Tls), "{error}");
        let advice = "does not accept the client certificate";
        assert!(error.to_string().contains(advice), "{version:?}: {error}");
    }
}

/// What is wrong with the identity is found when the client is built, by its name and with advice.
#[test]
fn each_mistake_has_its_own_message() {
    let pki = Pki::shared();
    let bytes = |name| pki.bytes(name);
    let pair = |certificate, key| {
        TlsOptions::new().certificate_file(pki.file(certificate)).key_file(pki.file(key))
    };
    let (certificate, key) = (ErrorCode::TlsCertificate, ErrorCode::TlsKey);
    let cases = [
        (pair("rsa.pem", "missing.key"), key, "client key cannot be read from"),
        (pair("missing.pem", "rsa.key"), certificate, "client certificate cannot be read from"),
        (TlsOptions::new().certificate(bytes("rsa.pem")), key, "there is only the client certif"),
        (TlsOptions::new().key(bytes("rsa.key")), certificate, "there is only the client key"),
        (pair("rsa.pem", "ec.key"), key, "does not belong to the client certificate"),
        (pair("ec.pem", "foreign.key"), key, "does not belong to the client certificate"),
        (pair("rsa.pem", "rsa.secret.key"), key, "it is encrypted, and no password was given"),
        (pair("rsa.pem", "rsa.secret.key").key_password("no"), key, "is the password right?"),
        (pair("rsa.pem", "rsa.secret.der").key_password("no"), key, "is the password right?"),
        (pair("rsa.pem", "rsa.oldsecret.key"), key, "openssl pkcs8 -topk8 -in OLD -out NEW"),
        (pair("rsa.pem", "rsa.pem"), key, "it is PEM, but has no PRIVATE KEY block"),
        (pair("rsa.key", "rsa.key"), certificate, "it is PEM, but has no CERTIFICATE block"),
        (pair("rsa.pem", "names.cnf"), key, "it is no private key"),
        (pair("names.cnf", "rsa.key"), certificate, "client certificate from"),
        (TlsOptions::new().certificate(bytes("rsa.pem")).key(""), key, "it is empty"),
        (TlsOptions::new().certificate("").key(bytes("rsa.key")), certificate, "it is empty"),
        (TlsOptions::new().pkcs12_file(pki.file("rsa.p12"), "no"), key, "is the password right?"),
        (TlsOptions::new().pkcs12(bytes("rsa.pem"), "no"), key, "PKCS#12 container from memory"),
        (TlsOptions::new().pkcs12("", "no"), key, "it is empty"),
        (TlsOptions::new().pkcs12(bytes("rsa.old.p12"), PASSWORD), key, "openssl pkcs12 -legacy"),
    ];
    for (tls, code, expected) in cases {
        let built = Client::builder("mqtts://localhost").tls(tls).build();
        let Err(error) = built else { panic!("{expected}: it is taken") };
        assert!(error.to_string().contains(expected), "{expected:?} is not in: {error}");
        assert_eq!((error.code(), error.stage()), (code, Stage::Tls), "{error}");
        assert!(!error.to_string().contains(PASSWORD));
    }
}
