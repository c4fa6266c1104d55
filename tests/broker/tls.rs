//! TLS: negotiated, with client certificates, against the client library.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use mqttlink::broker::{Broker, Credentials, Decision};
use mqttlink::{
    Client, ErrorCode, Publish, QoS, Subscribe, TlsOptions, TlsServerOptions, TlsVersion,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Certificates that were made for this test: an authority, a server and a client.
struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// `None` where there is no openssl program to make them.
    fn make(name: &str) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("mqttlink-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let all = Self { folder };
        let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        all.openssl(&[
            &["req", "-x509", "-subj", "/CN=authority", "-days", "2"][..],
            &new,
            &["-keyout", "ca.key", "-out", "ca.pem"],
        ])?;
        for (name, subject) in [("server", "/CN=localhost"), ("client", "/O=attic/CN=sensor")] {
            let (key, csr, pem) =
                (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
            all.openssl(&[
                &["req", "-subj", subject, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                &new[..],
                &["-keyout", &key, "-out", &csr],
            ])?;
            all.openssl(&[
                &["x509", "-req", "-in", &csr, "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2"],
                &["-copy_extensions", "copy", "-out", &pem][..],
            ])?;
        }
        Some(all)
    }

    fn openssl(&self, arguments: &[&[&str]]) -> Option<()> {
        let mut command = Command::new("openssl");
        command.args(arguments.concat()).current_dir(&self.folder);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        assert!(status.success(), "{arguments:?}");
        Some(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn server(&self) -> TlsServerOptions {
        TlsServerOptions::new(self.file("server.pem"), self.file("server.key"))
    }

    fn client(&self) -> TlsOptions {
        TlsOptions::new().ca_file(self.file("ca.pem"))
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn client(broker: &Broker, tls: TlsOptions) -> mqttlink::Builder {
    let port = broker.addresses()[0].port();
    Client::builder_for("localhost", port).tls(tls).connect_timeout(PATIENCE)
}

#[test]
fn messages_go_through_tls_in_both_directions() {
    let Some(certificates) = Certificates::make("plain") else { return };
    let broker =
        Broker::builder().listen_tls("127.0.0.1:0", certificates.server()).start().unwrap();
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let tls = certificates.client().min_version(version).max_version(version);
        let (client, _) = client(&broker, tls).connect().unwrap();
        let _ = client.subscribe(Subscribe::new("t", QoS::AtLeastOnce)).unwrap();
        for len in [0, 10, 16_384, 100_000, 1_900_000] {
            let payload = vec![1; len];
            let message = Publish::new("t", payload.clone()).qos(QoS::AtLeastOnce);
            client.publish(message).unwrap();
            assert!(client.recv_timeout(PATIENCE).unwrap().payload() == payload);
        }
        client.disconnect().unwrap();
    }
    let untrusting = client(&broker, TlsOptions::new()).connect().unwrap_err();
    assert_eq!(untrusting.code(), ErrorCode::TlsHandshake);
}

#[test]
fn the_authenticator_sees_who_the_certificate_names() {
    let Some(certificates) = Certificates::make("mutual") else { return };
    let tls = certificates.server().client_authority_file(certificates.file("ca.pem"));
    let broker = Broker::builder()
        .listen_tls("127.0.0.1:0", tls.require_client_certificate(true))
        .authenticate(|who: &Credentials| match &who.peer.certificate {
            Some(certificate) if certificate.subject == "O=attic,CN=sensor" => {
                let mut decision = Decision::accept();
                if let Decision::Accept { user, .. } = &mut decision {
                    user.clone_from(&certificate.common_name);
                }
                decision
            }
            _ => Decision::from_bool(false),
        })
        .start()
        .unwrap();
    let with = certificates
        .client()
        .certificate_file(certificates.file("client.pem"))
        .key_file(certificates.file("client.key"));
    let (_client, _) = client(&broker, with).connect().unwrap();
    assert_eq!(broker.clients().unwrap()[0].user.as_deref(), Some("sensor"));
    assert!(client(&broker, certificates.client()).connect().is_err());
}

#[test]
fn a_client_without_tls_is_closed() {
    let Some(certificates) = Certificates::make("none") else { return };
    let broker =
        Broker::builder().listen_tls("127.0.0.1:0", certificates.server()).start().unwrap();
    let port = broker.addresses()[0].port();
    let plain = Client::builder_for("127.0.0.1", port).connect_timeout(PATIENCE);
    assert!(plain.connect().is_err());
}

#[test]
fn an_item_that_cannot_be_used_is_named() {
    let Some(certificates) = Certificates::make("items") else { return };
    let missing = TlsServerOptions::new("/nowhere.pem", certificates.file("server.key"));
    let wrong_key =
        TlsServerOptions::new(certificates.file("server.pem"), certificates.file("ca.key"));
    let no_pem = TlsServerOptions::from_memory("not a certificate", "not a key");
    for (options, text) in [
        (missing, "/nowhere.pem"),
        (wrong_key, "does not belong to the certificate"),
        (no_pem, "no CERTIFICATE block"),
    ] {
        let error = Broker::builder().listen_tls("127.0.0.1:0", options).start().unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// Connects with the openssl program and returns what it says about the connection.
fn s_client(certificates: &Certificates, port: u16, arguments: &[&str]) -> String {
    let mut program = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect", &format!("127.0.0.1:{port}")])
        .args(["-cert", "client.pem", "-key", "client.key"])
        .args(arguments)
        .current_dir(&certificates.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    input.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01s").unwrap();
    let (mut output, mut said) = (program.stdout.take().unwrap(), Vec::new());
    // CONNACK comes behind the ticket.
    while !said.windows(4).any(|bytes| bytes == [0x20, 2, 0, 0]) {
        let mut buffer = [0; 4096];
        let count = output.read(&mut buffer).unwrap();
        assert!(count > 0, "{arguments:?}: {}", String::from_utf8_lossy(&said));
        said.extend(&buffer[..count]);
    }
    input.write_all(&[0xe0, 0]).unwrap();
    output.read_to_end(&mut said).unwrap();
    program.wait().unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn a_session_is_resumed_and_the_certificate_is_still_known() {
    let Some(certificates) = Certificates::make("resume") else { return };
    let tls = certificates
        .server()
        .client_authority_file(certificates.file("ca.pem"))
        .require_client_certificate(true);
    let (seen, subjects) = std::sync::mpsc::channel();
    let broker = Broker::builder()
        .listen_tls("127.0.0.1:0", tls.clone())
        .listen_tls("127.0.0.1:0", tls.session_resumption(false))
        .authenticate(move |who: &Credentials| {
            let certificate = who.peer.certificate.as_ref();
            let subject = certificate.map(|certificate| certificate.subject.clone());
            seen.send(subject.filter(|_| certificate.is_some_and(|one| !one.der.is_empty())))
                .unwrap();
            Decision::accept()
        })
        .start()
        .unwrap();
    let ports: Vec<u16> = broker.addresses().iter().map(std::net::SocketAddr::port).collect();
    for (flag, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let run = |port, session| s_client(&certificates, port, &[flag, session, "session"]);
        let first = run(ports[0], "-sess_out");
        assert!(first.contains(&format!("New, {name}")), "{first}");
        let second = run(ports[0], "-sess_in");
        assert!(second.contains(&format!("Reused, {name}")), "{second}");
        // Another listener does not know the session.
        let other = run(ports[1], "-sess_in");
        assert!(other.contains(&format!("New, {name}")), "{other}");
        std::fs::remove_file(certificates.file("session")).unwrap();
        for _ in 0..3 {
            let subject = subjects.recv_timeout(PATIENCE).unwrap();
            assert_eq!(subject.as_deref(), Some("O=attic,CN=sensor"));
        }
    }
}

#[test]
fn a_client_that_has_not_read_anything_is_still_told_that_the_broker_stops() {
    use mqttlink::codec::{Packet, Version, frame};
    use openssl::ssl::{SslConnector, SslMethod};
    let Some(certificates) = Certificates::make("farewell") else { return };
    let broker =
        Broker::builder().listen_tls("127.0.0.1:0", certificates.server()).start().unwrap();
    let address = broker.addresses()[0];
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_ca_file(certificates.file("ca.pem")).unwrap();
    let socket = std::net::TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = connector.build().connect("localhost", socket).unwrap();
    stream.write_all(b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\0\x01s").unwrap();
    stream.write_all(b"\x82\x07\0\x01\0\0\x01t\0").unwrap();
    broker.wait_until(PATIENCE, |core| core.subscriptions_of("s").count() == 1).unwrap();
    let payload = vec![7; 1_000_000];
    for _ in 0..14 {
        broker.publish(&Publish::new("t", &payload)).unwrap();
    }
    assert!(broker.statistics().unwrap().queued_bytes > 1_000_000, "it is blocked");
    let stopping = broker.clone();
    let stopping = std::thread::spawn(move || stopping.stop(PATIENCE));
    while std::net::TcpStream::connect(address).is_ok() {}
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let (mut messages, mut last, mut rest) = (0, String::new(), &all[..]);
    while let Some(found) = frame::parse(rest, Version::V5, all.len()).unwrap() {
        let packet = Packet::decode(&found, Version::V5).unwrap();
        messages += usize::from(matches!(packet, Packet::Publish(_)));
        last = packet.to_string();
        rest = &rest[found.len..];
    }
    assert!(rest.is_empty());
    assert_eq!((messages, last.as_str()), (14, "DISCONNECT reason=server shutting down (0x8b)"));
    // Without TLS's own farewell the end could be a forged one.
    assert!(stream.get_shutdown().contains(openssl::ssl::ShutdownState::RECEIVED));
    stopping.join().unwrap();
}
